/** The shared shell of every hub: one HTTP and WebSocket port in front of a desk and a backplane. */
import type { AddressInfo } from "node:net";
import { frameCheckerOf, SIDECAR_FRAMES, type SidecarFrameType, TIMERS } from "@hubscale/protocol";
import { addAgentRoutes, addRoomRoute } from "./agent-routes.ts";
import type { SessionContext } from "./agent-session.ts";
import type { HubBehaviour } from "./behaviour.ts";
import { Channels } from "./channels.ts";
import { probeEndpoint } from "./endpoint-probe.ts";
import { EndpointRegistry } from "./endpoint-registry.ts";
import { addEndpointRoutes } from "./endpoint-routes.ts";
import { fanOut, subscribersOf } from "./fan-out.ts";
import { HostResourceBoard } from "./host-resources.ts";
import { createHttpApp } from "./http-app.ts";
import { HubMetrics } from "./hub-metrics.ts";
import { addHubRoutes } from "./hub-routes.ts";
import { IdentifyBackoff } from "./identify-backoff.ts";
import { Messages } from "./messages.ts";
import {
  type Backplane,
  type BusEvent,
  type Cancel,
  type Clock,
  type HubView,
  type RandomHex,
  type Roster,
  type TaskDesk,
} from "./ports.ts";
import { Unavailable } from "./ports.ts";
import { NODE_HERE_EVERY_MS, PresenceBoard } from "./presence-board.ts";
import { RateLimiter, type RateLimitSettings } from "./rate-limiter.ts";
import { LocalRoster } from "./roster.ts";
import { SocketServer } from "./socket-server.ts";
import { TaskReports } from "./task-reports.ts";
import { addTaskRoutes } from "./task-routes.ts";
import { TokenCheck } from "./token-check.ts";

export interface HubEdgeOptions {
  /** Unique among the nodes of a hub. */
  node: string;
  host: string;
  /** 0: any free port. */
  port: number;
  /**
   * Makes the desk, once, before anything connects. The roster and the view are empty by then, and remain the desk's source of
   * who may be handed a task.
   */
  makeTasks(roster: Roster, view: HubView): TaskDesk | Promise<TaskDesk>;
  backplane: Backplane;
  clock: Clock;
  randomHex: RandomHex;
  behaviour: HubBehaviour;
  rateLimits: "off" | "reference" | RateLimitSettings;
  /** `http://…` as clients reach the hub, where that is not its own address: behind a load balancer. */
  publicUrl?: string;
  /** WebSocket connections at one time; further ones get 503. Default `MAX_CONNECTIONS`. */
  maxConnections?: number;
  /** Unsent bytes at which a slow client is cut off. Default `MAX_BUFFERED_BYTES`. */
  maxBufferedBytes?: number;
  log(line: string): void;
  /** Called when a store broke in a way that the hub must not survive. Default: throws outside of any handler. */
  onBroken?(error: unknown): void;
}

export interface HubEdge {
  port: number;
  wsUrl: string;
  httpUrl: string;
  roster: Roster;
  /**
   * Drains: takes nothing new, answers what is in progress, closes sockets with 1001 and tells the other nodes; then closes the
   * desk and the backplane. A second call waits for the first.
   */
  close(): Promise<void>;
}

/** Below the limit of open files of most systems; an agent costs one. */
export const MAX_CONNECTIONS = 18_000;

/** A minute of the densest traffic that one agent sees, and no more than 1 GB for 250 stuck clients. */
export const MAX_BUFFERED_BYTES = 4_194_304;

/** Resolves when the hub answers. Rejects if the port is taken or a store cannot be read. */
export async function startHubEdge(options: HubEdgeOptions): Promise<HubEdge> {
  const { node, backplane, clock, behaviour, log } = options;
  const onBroken = options.onBroken ?? throwOutside;
  const publish = (event: BusEvent) => backplane.publish(event);
  const metrics = new HubMetrics(clock);
  const limiter = new RateLimiter(options.rateLimits, () => clock.nowMs());
  const tokens = new TokenCheck(backplane.tokens);
  const resources = new HostResourceBoard(clock);
  const backoff = new IdentifyBackoff(() => clock.nowMs());
  const channels = new Channels(clock, publish);
  const knownFrames = framesKnownTo(behaviour);
  let isDraining = false;

  const roster = new LocalRoster({
    clock,
    behaviour,
    notify: (event) => tasks.notify(event),
    reclaim: (taskId) => reclaimed(tasks, taskId, onBroken),
    onAssigned: (task) => {
      metrics.counters.tasks_assigned++;
      metrics.assignMs.add(clock.nowMs() - task.created_at);
    },
  });
  const presence = new PresenceBoard({
    node,
    clock,
    behaviour,
    roster,
    publish,
    onTakenOver: (agent) => {
      roster.leave(agent);
      agent.line.close(4001, "a newer connection of this agent has taken over");
    },
  });
  const endpoints = new EndpointRegistry({
    clock,
    store: backplane.endpoints,
    resources,
    probe: probeEndpoint,
    publish,
    onChange: () => tasks.notify({ type: "endpoints_changed" }),
    log,
  });
  const messages = new Messages({ clock, randomHex: options.randomHex, store: backplane.messages, roster, presence, publish });
  const tasks = await options.makeTasks(roster, {
    endpoints: () => endpoints.views(),
    isOnline: (agentId) => presence.isOnline(agentId),
  });

  const session: SessionContext = {
    clock,
    hasWarts: behaviour.warts,
    check: frameCheckerOf(knownFrames),
    tokens,
    limiter,
    backoff,
    roster,
    presence,
    tasks,
    reports: new TaskReports({ clock, tasks, roster, metrics }),
    messages,
    channels,
    endpoints,
    metrics,
    publish,
    onBroken,
  };
  const sockets = new SocketServer(session, {
    maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
    maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
    log,
  });

  await backplane.subscribe((event) => heard(event));
  await endpoints.reload();

  const app = createHttpApp({ tokens, limiter, metrics, isDraining: () => isDraining, onBroken });
  addHubRoutes(app.open, { node, backplane, knownFrames, isDraining: () => isDraining, metrics: snapshot });
  addAgentRoutes(app.open, { store: backplane.tokens, randomHex: options.randomHex, limiter, metrics, presence, urls });
  app.secured((secured) => {
    addTaskRoutes(secured, { tasks, roster, metrics, publish });
    addRoomRoute(secured, channels);
    addEndpointRoutes(secured, endpoints);
    secured.get("/api/admin/rate-limits", async () => limiter.describe());
  });
  sockets.attach(app.open.server);
  await app.open.listen({ host: options.host, port: options.port });
  const { port } = app.open.server.address() as AddressInfo;

  const timers: Cancel[] = [
    clock.every(IDLE_CHECK_EVERY_MS, () => sockets.closeIdle()),
    clock.every(TIMERS.reapEveryMs, () => sockets.reap()),
    clock.every(TIMERS.endpointPollEveryMs, () => void endpoints.pollAll()),
    clock.every(NODE_HERE_EVERY_MS, () => presence.beat()),
    clock.every(SWEEP_EVERY_MS, () => {
      limiter.sweep();
      backoff.sweep();
      resources.sweep();
    }),
  ];
  publish({ type: "presence_wanted", node });

  let closing: Promise<void> | undefined;
  return { port, ...edgeUrls(), roster, close: () => (closing ??= close()) };

  function heard(event: BusEvent): void {
    switch (event.type) {
      case "deliver": {
        if (event.frame.type === "task_cancelled") return roster.release(event.to, event.frame.task_id);
        return roster.get(event.to)?.line.send(event.frame);
      }
      case "broadcast":
        channels.heard(event.frame);
        return fanOut(event.frame, event.channel === undefined ? roster.all() : subscribersOf(event.channel, roster.all()));
      case "endpoints_changed":
        void endpoints
          .reload()
          .catch((error: unknown) => (error instanceof Unavailable ? log(error.message) : onBroken(error)));
        return;
      case "host_resources":
        return resources.put(event.host, event.resources, event.atMs);
      default:
        return presence.receive(event);
    }
  }

  async function snapshot(): Promise<Record<string, unknown>> {
    return {
      node,
      agents: { connected: roster.size, ready: roster.readySize, known: presence.size, sockets: sockets.connections },
      queue_depth: (await tasks.stats()).queued_index_size,
      ...metrics.snapshot(),
    };
  }

  function urls(): { http: string; ws: string } {
    const http = options.publicUrl ?? edgeUrls().httpUrl;
    return { http, ws: `${http.replace(/^http/, "ws").replace(/\/$/, "")}/ws` };
  }

  function edgeUrls(): { httpUrl: string; wsUrl: string } {
    const authority = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`;
    return { httpUrl: `http://${authority}`, wsUrl: `ws://${authority}/ws` };
  }

  async function close(): Promise<void> {
    isDraining = true;
    for (const cancel of timers) cancel();
    roster.drain();
    presence.fallSilent();
    await sockets.drain();
    await app.open.close();
    await tasks.close();
    await backplane.close();
    metrics.close();
  }
}

/** Sockets idle for 60 s are closed within this time more. */
const IDLE_CHECK_EVERY_MS = 5_000;

const SWEEP_EVERY_MS = 60_000;

/** The reference hub does not know how an agent turns a task down. */
function framesKnownTo(behaviour: HubBehaviour): SidecarFrameType[] {
  const all = Object.keys(SIDECAR_FRAMES) as SidecarFrameType[];
  return behaviour.warts ? all.filter((type) => type !== "task_rejected") : all;
}

async function reclaimed(tasks: TaskDesk, taskId: string, onBroken: (error: unknown) => void): Promise<boolean> {
  try {
    await tasks.command(taskId, { reclaim: "acceptance_timeout" });
    return true;
  } catch (error) {
    if (!(error instanceof Unavailable)) onBroken(error);
    return false;
  }
}

function throwOutside(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
