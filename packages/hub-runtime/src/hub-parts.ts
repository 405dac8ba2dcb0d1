/** The parts of a running hub, wired to each other: everything but the sockets and the routes. */
import { frameCheckerOf, SIDECAR_FRAMES, type SidecarFrameType } from "@hubscale/protocol";
import type { SessionContext } from "./agent-session.ts";
import type { HubBehaviour } from "./behaviour.ts";
import { Channels } from "./channels.ts";
import { probeEndpoint } from "./endpoint-probe.ts";
import { EndpointRegistry } from "./endpoint-registry.ts";
import { HostResourceBoard } from "./host-resources.ts";
import type { HubEdgeOptions } from "./hub-edge-options.ts";
import { HubMetrics } from "./hub-metrics.ts";
import { IdentifyBackoff } from "./identify-backoff.ts";
import { Messages } from "./messages.ts";
import { type BusEvent, Refused, type TaskDesk, Unavailable } from "./ports.ts";
import { PresenceBoard } from "./presence-board.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { LocalRoster } from "./roster.ts";
import { TaskReports } from "./task-reports.ts";
import { TokenCheck } from "./token-check.ts";

export interface HubParts extends SessionContext {
  resources: HostResourceBoard;
  knownFrames: readonly SidecarFrameType[];
}

export async function assembleHub(options: HubEdgeOptions): Promise<HubParts> {
  const { node, backplane, clock, behaviour, log, randomHex, allowLinkLocalEndpoints: allowLinkLocal = false } = options;
  const onBroken = options.onBroken ?? throwOutside;
  const nowMs = () => clock.nowMs();
  const monotonicMs = () => clock.monotonicMs();
  const publish = (event: BusEvent) => backplane.publish(event);
  const metrics = new HubMetrics(clock);
  backplane.observeStore((milliseconds) => metrics.store.add(milliseconds));
  const resources = new HostResourceBoard(clock);
  const knownFrames = framesKnownTo(behaviour);

  const roster = new LocalRoster({
    clock,
    behaviour,
    notify: (event) => tasks.notify(event),
    reclaim: (taskId) => reclaimed(tasks, taskId, onBroken),
    onAssigned: (task) => {
      metrics.counters.tasks_assigned++;
      metrics.assignment.add(nowMs() - task.created_at);
    },
  });
  const presence = new PresenceBoard({ node, clock, behaviour, roster, publish });
  const endpoints = new EndpointRegistry({
    clock,
    store: backplane.endpoints,
    resources,
    allowLinkLocal,
    isOnline: (agentId) => presence.isOnline(agentId),
    probe: (host, port) => probeEndpoint(host, port, { allowLinkLocal }),
    publish,
    onChange: () => tasks.notify({ type: "endpoints_changed" }),
    log,
  });
  const tasks = await options.makeTasks(roster, {
    endpoints: () => endpoints.views(),
    isOnline: (agentId) => presence.isOnline(agentId),
  });

  return {
    clock,
    hasWarts: behaviour.warts,
    check: frameCheckerOf(knownFrames),
    tokens: new TokenCheck(backplane.tokens),
    limiter: new RateLimiter(options.rateLimits, monotonicMs),
    backoff: new IdentifyBackoff(monotonicMs),
    roster,
    presence,
    tasks,
    reports: new TaskReports({ clock, tasks, roster, metrics, documentBytes: backplane.documentBytes, onBroken }),
    messages: new Messages({ clock, randomHex, store: backplane.messages, roster, presence, publish }),
    channels: new Channels(clock, publish),
    endpoints,
    resources,
    metrics,
    documentBytes: backplane.documentBytes,
    knownFrames,
    publish,
    onBroken,
  };
}

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
    if (!(error instanceof Unavailable) && !(error instanceof Refused)) onBroken(error);
    return false;
  }
}

function throwOutside(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
