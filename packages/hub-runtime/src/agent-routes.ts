import { checkerOf, REGISTER_AGENT, type RegisterAgentAnswer, ROOM_MESSAGE } from "@hubscale/protocol";
import type { FastifyInstance } from "fastify";
import { agentEntryOf } from "./connected-agent.ts";
import type { Channels } from "./channels.ts";
import { admit, bearerOf, invalid } from "./http-app.ts";
import type { HubMetrics } from "./hub-metrics.ts";
import type { RandomHex, TokenStore } from "./ports.ts";
import type { PresenceBoard } from "./presence-board.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import { type RegistrationPolicy, registrationRefusal } from "./registration.ts";
import { hashOfToken } from "./token-check.ts";

export interface RegistrationOptions {
  store: TokenStore;
  randomHex: RandomHex;
  limiter: RateLimiter;
  metrics: HubMetrics;
  registration: RegistrationPolicy;
  /** As clients reach the hub. */
  urls(): { http: string; ws: string };
}

/** Registration, for everybody that the policy lets in. */
export function addRegistration(app: FastifyInstance, options: RegistrationOptions): void {
  const { store, randomHex, limiter, metrics, registration, urls } = options;
  const check = checkerOf<{ agent_id: string }>(REGISTER_AGENT);

  app.post("/api/onboard/register", {
    onRequest: async (request, reply) => {
      // A caller without a token is known by its address only. Guesses at the registration token are limited like registrations.
      if (admit(limiter, metrics, request, reply, request.ip)) return reply;
      const refusal = registrationRefusal(registration, bearerOf(request.headers.authorization));
      return refusal && reply.code(refusal.status).send(refusal.body);
    },
    handler: async (request, reply) => {
      const body = check(request.body ?? {});
      if (!body.ok) return invalid(reply, body.errors);
      const { agent_id } = body.value;
      const token = randomHex(32);
      if (!(await store.register(agent_id, hashOfToken(token)))) {
        return reply.code(409).send({ error: "agent_id already registered" });
      }
      const { http, ws } = urls();
      const answer: RegisterAgentAnswer = { agent_id, default_repo: null, hub_api_url: http, hub_ws_url: ws, token };
      return reply.code(201).send(answer);
    },
  });
}

/** For everybody. */
export function addAgentList(app: FastifyInstance, presence: PresenceBoard): void {
  app.get("/api/agents", async () => ({
    agents: [...presence.entries()].map((entry) => Object.assign(agentEntryOf(entry), { fsm_state: entry.fsm_state })),
  }));
}

/** The room, for callers with a token. */
export function addRoomRoute(app: FastifyInstance, channels: Channels): void {
  const check = checkerOf<{ text: string }>(ROOM_MESSAGE);
  app.post("/api/room/message", async (request, reply) => {
    const body = check(request.body ?? {});
    if (!body.ok) return invalid(reply, body.errors);
    const { from, message_type, seq, text, timestamp } = channels.sayInRoom(request.agentId, body.value.text);
    return reply.code(201).send({ from, seq, text, timestamp, type: message_type });
  });
}
