/** The shared shell of every hub: one HTTP and WebSocket port in front of a desk and a backplane. */
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { TIMERS } from "@hubscale/protocol";
import type { FastifyInstance } from "fastify";
import { addAgentList, addRegistration, addRoomRoute } from "./agent-routes.ts";
import { busListener, rereadEndpoints } from "./bus-events.ts";
import { Cached } from "./cached.ts";
import { CallerCheck } from "./caller-check.ts";
import { addEndpointRoutes } from "./endpoint-routes.ts";
import { type ConnectionLimits, connectionLimits, limitsInWords, type OpenFiles } from "./connection-limits.ts";
import { createHttpApp } from "./http-app.ts";
import { type HubEdgeOptions, MAX_BUFFERED_BYTES } from "./hub-edge-options.ts";
import { assembleHub, type HubParts } from "./hub-parts.ts";
import { addHealthRoute, addHubRoutes } from "./hub-routes.ts";
import { openFileCount, openFileLimit } from "./open-files.ts";
import { type Cancel, type Roster, Unavailable } from "./ports.ts";
import { NODE_HERE_EVERY_MS } from "./presence-board.ts";
import { prometheusMetrics } from "./prometheus.ts";
import { SocketServer } from "./socket-server.ts";
import { addTaskRoutes } from "./task-routes.ts";

export interface HubEdge {
  port: number;
  wsUrl: string;
  httpUrl: string;
  roster: Roster;
  /**
   * Drains: takes nothing new and assigns nothing, answers what is in progress, closes sockets with 1001, spread over `drainMs`;
   * then closes the desk and the backplane. A second call waits for the first.
   */
  close(): Promise<void>;
}

/** Resolves when the hub answers. Rejects if the port is taken or a store cannot be read; the stores are closed then. */
export async function startHubEdge(options: HubEdgeOptions): Promise<HubEdge> {
  const { backplane, clock, log, maxBufferedBytes = MAX_BUFFERED_BYTES } = options;
  const hub = await assembleHub(options);
  let isDraining = false;
  const files = { limit: openFileLimit(), open: openFileCount() };
  const limits = await connectionLimitsOf(files);
  const callers = new CallerCheck(options);
  const sockets = new SocketServer(hub, { callers, maxConnections: limits.webSockets, maxBufferedBytes, log });
  const app = createHttpApp({
    ...hub,
    log,
    callers,
    trustedProxies: options.trustedProxies ?? [],
    connections: limits.webSockets + limits.http,
    isDraining: () => isDraining,
  });
  addHealthRoute(app.open, { node: options.node, isDraining: () => isDraining });
  addRegistration(app.open, {
    ...hub,
    store: backplane.tokens,
    randomHex: options.randomHex,
    urls: () => urlsOf(options, app.open),
    registration: options.registration ?? { mode: "open" },
  });
  app.limited((limited) => addReadRoutes(limited, hub, sockets, options));
  app.secured((secured) => addSecuredRoutes(secured, hub));
  sockets.attach(app.open.server, app.newcomers);

  try {
    await backplane.subscribe(busListener(hub, log));
    await hub.endpoints.reload();
    await app.open.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.open.close();
    await closeStores();
    throw error;
  }
  log(limitsInWords(limits, files));
  const timers = startTimers({ clock, log }, hub, sockets);
  // Goes on while the hub drains: its agents are there until they are sent away.
  const cancelBeats = clock.every(NODE_HERE_EVERY_MS, () => hub.presence.beat());
  hub.presence.open();

  let closing: Promise<void> | undefined;
  const { port, httpUrl, wsUrl } = ownUrls(options.host, app.open);
  return { port, httpUrl, wsUrl, roster: hub.roster, close: () => (closing ??= close()) };

  async function close(): Promise<void> {
    isDraining = true;
    for (const cancel of timers) cancel();
    hub.roster.drain();
    hub.tasks.notify({ type: "draining" });
    hub.presence.fallSilent();
    const { drainMs = 0 } = options;
    await Promise.all([sockets.drain(drainMs), wait(drainMs)]);
    cancelBeats();
    await app.close();
    await closeStores();
  }

  /** By now the stores are open, with the files that they need at rest. */
  async function connectionLimitsOf(openFiles: OpenFiles): Promise<ConnectionLimits> {
    try {
      return connectionLimits(options.maxConnections, openFiles);
    } catch (error) {
      await closeStores();
      throw error;
    }
  }

  async function closeStores(): Promise<void> {
    await hub.tasks.close();
    await backplane.close();
    hub.metrics.close();
  }
}

/** To everybody, limited by the address. */
function addReadRoutes(app: FastifyInstance, hub: HubParts, sockets: SocketServer, options: HubEdgeOptions): void {
  const { node, backplane, clock } = options;
  const { knownFrames, metrics, presence, roster } = hub;
  const cachedStats = new Cached(clock, () => hub.tasks.stats());
  const stats = () => unlessUnavailable(cachedStats.get());
  addHubRoutes(app, {
    backplane,
    knownFrames,
    metrics: async () => ({
      node,
      agents: { connected: roster.size, ready: roster.readySize, known: presence.size, sockets: sockets.connections },
      queue_depth: (await stats())?.queued_index_size ?? null,
      ...metrics.snapshot(),
    }),
    prometheus: prometheusMetrics({
      node,
      metrics,
      roster,
      stats,
      agentsKnown: () => presence.size,
      sockets: () => sockets.connections,
    }),
  });
  addAgentList(app, presence);
}

function addSecuredRoutes(app: FastifyInstance, hub: HubParts): void {
  addTaskRoutes(app, hub);
  addRoomRoute(app, hub.channels);
  addEndpointRoutes(app, hub.endpoints);
  app.get("/api/admin/rate-limits", async () => hub.limiter.describe());
}

/** Null: the store cannot say now; the other figures are wanted all the more then. */
async function unlessUnavailable<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Unavailable) return null;
    throw error;
  }
}

function startTimers({ clock, log }: Pick<HubEdgeOptions, "clock" | "log">, hub: HubParts, sockets: SocketServer): Cancel[] {
  return [
    clock.every(IDLE_CHECK_EVERY_MS, () => sockets.closeIdle()),
    clock.every(TIMERS.reapEveryMs, () => sockets.reap()),
    clock.every(TIMERS.endpointPollEveryMs, () => void rereadEndpoints(hub, log).then(() => hub.endpoints.pollAll())),
    clock.every(SWEEP_EVERY_MS, () => {
      hub.limiter.sweep();
      hub.backoff.sweep();
      hub.resources.sweep();
    }),
  ];
}

/** Sockets idle for 60 s are closed within this time more. */
const IDLE_CHECK_EVERY_MS = 5_000;

const SWEEP_EVERY_MS = 60_000;

function ownUrls(host: string, app: FastifyInstance): { port: number; httpUrl: string; wsUrl: string } {
  const { port } = app.server.address() as AddressInfo;
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { port, httpUrl: `http://${authority}`, wsUrl: `ws://${authority}/ws` };
}

/** As clients reach the hub. */
function urlsOf({ host, publicUrl }: HubEdgeOptions, app: FastifyInstance): { http: string; ws: string } {
  const http = (publicUrl ?? ownUrls(host, app).httpUrl).replace(/\/$/, "");
  return { http, ws: `${http.replace(/^http/, "ws")}/ws` };
}
