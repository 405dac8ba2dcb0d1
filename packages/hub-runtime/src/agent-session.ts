/** The conversation with one client: identification, validation, rate limits, violations, and one answer for each frame. */
import { rateTierOfFrame, recordViolation, type ViolationLog } from "@hubscale/hub-core";
import { type Checked, type ErrorFrame, LIMITS, type SidecarFrame, type SidecarFrameOf, TIMERS } from "@hubscale/protocol";
import { agentEntryOf, ConnectedAgent, hostOfUrl } from "./connected-agent.ts";
import type { AgentSocket } from "./agent-socket.ts";
import type { Channels } from "./channels.ts";
import { bytesAbove, refuseAbove } from "./document-size.ts";
import type { EndpointRegistry } from "./endpoint-registry.ts";
import { hostResourcesOf } from "./host-resources.ts";
import type { HubMetrics } from "./hub-metrics.ts";
import type { IdentifyBackoff } from "./identify-backoff.ts";
import type { Messages } from "./messages.ts";
import { parsedJson } from "./parsed-json.ts";
import { type BusEvent, type Clock, Refused, type TaskDesk, Unavailable } from "./ports.ts";
import type { PresenceBoard } from "./presence-board.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import { type LocalRoster, TAKEN_OVER, TAKEN_OVER_REASON } from "./roster.ts";
import type { TaskReports } from "./task-reports.ts";
import type { TokenCheck } from "./token-check.ts";

/** What a session needs of the hub. */
export interface SessionContext {
  clock: Clock;
  hasWarts: boolean;
  check(frame: { type?: unknown }): Checked<SidecarFrame>;
  tokens: TokenCheck;
  limiter: RateLimiter;
  backoff: IdentifyBackoff;
  roster: LocalRoster;
  presence: PresenceBoard;
  tasks: TaskDesk;
  reports: TaskReports;
  messages: Messages;
  channels: Channels;
  endpoints: EndpointRegistry;
  metrics: HubMetrics;
  documentBytes: number;
  publish(event: BusEvent): void;
  /** The store broke in a way that the hub must not survive. */
  onBroken(error: unknown): void;
}

export class AgentSession {
  readonly #hub: SessionContext;
  readonly #socket: AgentSocket;
  #agent: ConnectedAgent | undefined;
  #violations: ViolationLog | undefined;
  #isIdentifying = false;
  /** These two by the monotonic clock. */
  readonly openedAtMs: number;
  /** Of the last frame, for the idle limit of the socket. */
  lastFrameAtMs: number;

  constructor(hub: SessionContext, socket: AgentSocket) {
    this.#hub = hub;
    this.#socket = socket;
    this.openedAtMs = hub.clock.monotonicMs();
    this.lastFrameAtMs = this.openedAtMs;
  }

  get agent(): ConnectedAgent | undefined {
    return this.#agent;
  }

  /** It has said who it is, and the hub is finding out whether that is so. */
  get isIdentifying(): boolean {
    return this.#isIdentifying;
  }

  /**
   * Handles one frame; a promise only when there is something to wait for. A session whose connection is no longer its agent's has
   * been closed in words: what it still sends would speak for the connection that took over, or for an agent that is gone.
   */
  handle(data: Buffer): Promise<void> | undefined {
    if (this.#agent && !this.#hub.roster.isPresent(this.#agent)) return undefined;
    try {
      const pending = this.#dispatch(data);
      return pending?.catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Sends the client away. Its agent is gone at once: a client that does not answer the close would be listed for half a minute. */
  end(code: number, reason: string): void {
    this.closed();
    this.#socket.expel(code, reason);
  }

  tooMuchBeforeIdentify(): void {
    this.end(1009, `more than ${LIMITS.identifyBytes} bytes before or in identify`);
  }

  /** The node goes away. Nothing more reaches the agent, so it is not listed, but what it has sent by now still counts. */
  sendAway(): void {
    if (this.#agent) this.#hub.presence.left(this.#agent);
    this.#socket.close(1001, "the hub goes away; connect again");
  }

  /** The socket is gone. */
  closed(): void {
    const agent = this.#agent;
    if (agent && this.#hub.roster.leave(agent)) this.#hub.presence.left(agent);
  }

  #dispatch(data: Buffer): Promise<void> | undefined {
    const { hub, agent } = { hub: this.#hub, agent: this.#agent };
    hub.metrics.counters.frames_in++;
    const parsed = parsedFrame(data);
    if (parsed === undefined) return this.#violated({ type: "error", error: "invalid_json" });
    if (!agent && parsed.type !== "identify") return this.#violated({ type: "error", error: "not_identified" });
    const checked = hub.check(parsed);
    if (!checked.ok) {
      const messageType = typeof parsed.type === "string" ? { message_type: parsed.type } : {};
      return this.#violated({ type: "error", error: "validation_failed", ...messageType, errors: checked.errors });
    }
    const frame = checked.value;
    if (frame.type === "identify") {
      if (agent) return this.#violated({ type: "error", error: "already_identified" });
      if (data.length > LIMITS.identifyBytes) return void this.tooMuchBeforeIdentify();
      this.#isIdentifying = true;
      return this.#identify(frame).finally(() => {
        this.#isIdentifying = false;
      });
    }
    return this.#identified(agent as ConnectedAgent, frame, data.length);
  }

  /** `readBytes`: of the frame, as it came. */
  #identified(
    agent: ConnectedAgent,
    frame: Exclude<SidecarFrame, { type: "identify" }>,
    readBytes: number,
  ): Promise<void> | undefined {
    const { hasWarts, clock, roster, reports, messages, channels } = this.#hub;
    if (!hasWarts || frame.type === "ping") agent.lastSeenMs = clock.monotonicMs();
    if (!this.#isAdmitted(agent, frame)) return undefined;
    roster.heardFrom(agent);
    switch (frame.type) {
      case "task_complete": {
        const { result, verification_report, verification_history } = frame;
        return reports.handle(
          agent,
          frame,
          bytesAbove(LIMITS.resultBytes, [result, verification_report, verification_history], readBytes),
        );
      }
      case "task_accepted":
      case "task_progress":
      case "task_failed":
      case "task_rejected":
      case "task_recovering":
      case "state_report":
      case "wake_result":
        return reports.handle(agent, frame);
      case "ping":
        return void agent.line.send({ type: "pong", timestamp: clock.nowMs() });
      case "status":
        return this.#status(agent, frame.status);
      case "list_agents":
        return void agent.line.send({ type: "agents", agents: [...this.#hub.presence.entries()].map(agentEntryOf) });
      case "message":
        refuseAbove(this.#hub.documentBytes, frame.payload, readBytes);
        return messages.send(agent, frame);
      case "resource_report":
        return this.#resources(agent, frame);
      case "ollama_report":
        return this.#ollama(agent, frame.ollama_url);
      case "channel_subscribe":
        return void channels.subscribe(agent, frame.channel);
      case "channel_unsubscribe":
        return void channels.unsubscribe(agent, frame.channel);
      case "channel_publish":
        refuseAbove(this.#hub.documentBytes, frame.payload, readBytes);
        return void channels.publish(agent, frame.channel, frame.payload);
      case "channel_history":
        return void agent.line.send({
          type: "channel_history",
          channel: frame.channel,
          messages: channels.history(frame.channel, frame.limit),
        });
      case "list_channels":
        return void agent.line.send({ type: "channels", channels: channels.names() });
    }
  }

  async #identify(frame: SidecarFrameOf<"identify">): Promise<void> {
    const { tokens, limiter, backoff, roster, presence, tasks, messages } = this.#hub;
    // By its arrival: one that waited for the store must not take over from a connection that came later.
    const connectedAt = presence.connectedAt(frame.agent_id);
    const owner = await this.#whenAvailable(() => tokens.agentOf(frame.token));
    if (owner !== frame.agent_id) {
      return this.#violated({ type: "error", error: owner === undefined ? "invalid_token" : "token_agent_mismatch" });
    }
    const waitMs = backoff.waitMs(owner);
    if (waitMs > 0) {
      this.#socket.send({ type: "error", error: "identify_refused", retry_after_ms: waitMs });
      return;
    }
    const admission = limiter.admit("ws", owner, "heavy");
    if (!admission.ok) {
      this.#hub.metrics.counters.rate_limited++;
      this.#socket.send({ type: "rate_limited", retry_after_ms: admission.retryAfterMs, tier: admission.tier });
      return;
    }
    // The client may have gone while the store was asked.
    if (!this.#socket.isOpen) return;
    if (presence.hasLater(owner, connectedAt)) return this.#socket.expel(TAKEN_OVER, TAKEN_OVER_REASON);
    const agent = new ConnectedAgent(frame, this.#socket, connectedAt);
    agent.lastSeenMs = this.#hub.clock.monotonicMs();
    this.#agent = agent;
    this.#socket.allowWaiting();
    roster.join(agent);
    const identified = () => this.#socket.send({ type: "identified", agent_id: owner });
    // On the reference the others hear of a newcomer before it hears that it is in.
    if (!this.#hub.hasWarts) identified();
    presence.joined(agent);
    if (this.#hub.hasWarts) identified();
    if (!roster.isPresent(agent)) return;
    tasks.notify({ type: "agent_joined", agentId: owner });
    await messages.deliverMailbox(agent);
  }

  /** Who has just come waits rather than to come again, ever later, while the store is away. */
  async #whenAvailable<T>(ask: () => Promise<T> | T): Promise<T> {
    const { clock } = this.#hub;
    const untilMs = clock.monotonicMs() + IDENTIFY_PATIENCE_MS;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof Unavailable) || !this.#socket.isOpen || clock.monotonicMs() >= untilMs) throw error;
        await new Promise<void>((resolve) => clock.after(IDENTIFY_AGAIN_MS, resolve));
      }
    }
  }

  #status(agent: ConnectedAgent, status: string): undefined {
    agent.status = status;
    agent.line.send({ type: "status_updated" });
    this.#hub.presence.changed(agent);
  }

  #resources(agent: ConnectedAgent, report: SidecarFrameOf<"resource_report">): undefined {
    if (agent.ollamaHost === null) return;
    this.#hub.publish({
      type: "host_resources",
      host: agent.ollamaHost,
      resources: hostResourcesOf(report),
      atMs: this.#hub.clock.nowMs(),
    });
  }

  async #ollama(agent: ConnectedAgent, url: string): Promise<void> {
    const host = /^https?:/.test(url) ? hostOfUrl(url) : null;
    if (host === null) return this.#ollamaRefused("must be an http URL");
    const port = Number(new URL(url).port || OLLAMA_PORT);
    const registered = await this.#hub.endpoints.register({ host, port, name: agent.agentId, source: "sidecar" });
    if (!registered.ok) return this.#ollamaRefused(registered.detail);
    agent.line.send({ type: "ollama_report_ack", status: "registered" });
  }

  #ollamaRefused(detail: string): undefined {
    const errors = [{ field: "ollama_url", error: "invalid_value", detail }] as const;
    return this.#violated({ type: "error", error: "validation_failed", message_type: "ollama_report", errors: [...errors] });
  }

  /** False: the frame is to be dropped. */
  #isAdmitted(agent: ConnectedAgent, frame: SidecarFrame): boolean {
    const { hasWarts, limiter, metrics, roster } = this.#hub;
    if (!limiter.isEnabled || (!hasWarts && isWordOnOwnTask(agent, frame))) return true;
    const tier = rateTierOfFrame(frame.type);
    const admission = limiter.admit("ws", agent.agentId, tier);
    if (admission.ok) {
      if (admission.remaining !== undefined) {
        agent.line.send({ type: "rate_limit_warning", tier, remaining: admission.remaining });
      }
      return true;
    }
    metrics.counters.rate_limited++;
    agent.line.send({ type: "rate_limited", retry_after_ms: admission.retryAfterMs, tier: admission.tier });
    roster.passOver(agent, TIMERS.rateLimitedPassOverMs);
    return false;
  }

  #violated(error: ErrorFrame): undefined {
    const { backoff, clock, metrics } = this.#hub;
    metrics.counters.violations++;
    this.#socket.send(error);
    const recorded = recordViolation(this.#violations, clock.nowMs());
    this.#violations = recorded.log;
    if (!recorded.close) return;
    if (this.#agent) backoff.closed(this.#agent.agentId);
    this.end(1008, "too many violations of the protocol");
  }

  #failed(error: unknown): void {
    if (error instanceof Refused) {
      return this.#socket.send({ type: "error", error: error.code, limit_bytes: error.limitBytes });
    }
    if (!(error instanceof Unavailable)) return this.#hub.onBroken(error);
    this.#hub.metrics.counters.unavailable++;
    this.#socket.send({ type: "error", error: "unavailable", retry_after_ms: error.retryAfterMs });
  }
}

/**
 * The reference drops these too when an agent has sent too much, and work that was done is done again. There are as many of them
 * as the hub hands out tasks, so that they need no limit of their own.
 */
function isWordOnOwnTask(agent: ConnectedAgent, frame: SidecarFrame): boolean {
  switch (frame.type) {
    case "task_accepted":
      return agent.taskId === frame.task_id && agent.state === "assigned";
    case "task_complete":
    case "task_failed":
    case "task_rejected":
      return agent.taskId === frame.task_id;
    default:
      return false;
  }
}

const OLLAMA_PORT = 11_434;

/** Below the ten seconds for which a sidecar waits for an answer. */
const IDENTIFY_PATIENCE_MS = 5_000;
const IDENTIFY_AGAIN_MS = 250;

/** Undefined: not a JSON object. */
function parsedFrame(data: Buffer): { type?: unknown } | undefined {
  try {
    const parsed = parsedJson(data.toString("utf8"));
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
