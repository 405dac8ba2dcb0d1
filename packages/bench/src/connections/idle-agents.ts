/** What many agents cost that are connected and do nothing but live: memory for each, and CPU for their heartbeats. */
import { setTimeout as sleep } from "node:timers/promises";
import { TIMERS } from "@hubscale/protocol";
import { type RunningHub, startHub } from "../drivers/index.ts";
import { GeneratorProcess } from "../load/generator-process.ts";
import { type ProcessCare, readUsage } from "../machine/index.ts";
import { type Estimate, ratioEstimate, seededRandom } from "../measure/estimate.ts";
import type { ServerSources } from "../provisioning/index.ts";

export interface ConnectionsRun {
  care: ProcessCare;
  sources: ServerSources;
  seed: number;
  at(share: number, doing: string): void;
  tell(line: string): void;
}

export interface IdleAgentsOptions extends ConnectionsRun {
  agents: number;
  /** Of a heartbeat's period each. */
  windows: number;
}

export interface IdleAgentsResult {
  hub: "single-tuned";
  agents: number;
  /** At the end, as the hub says; fewer than `agents` would mean that it lost some. */
  online: number;
  /** Growth of the hub's resident memory for each agent that was registered and connected. The kernel's buffers are not in it. */
  kibPerConnection: Estimate;
  /** Before the first and after the last. */
  rssBytes: { before: number; after: number };
  /** CPU of the hub over wall time, in percent of one core. */
  cpuPercent: Estimate;
  heartbeatsPerSec: Estimate;
  /** CPU of the hub for one heartbeat frame, its answer included. */
  cpuMicrosPerHeartbeat: Estimate;
  registerMs: number;
  connectMs: number;
  windowMs: number;
}

/** Agents that connect between two readings of the hub's memory: so many observations has the estimate. */
const STEPS = 5;
/** After connecting: garbage of the handshakes goes, the first resource reports have come. */
const SETTLE_MS = 6_000;

/** Rejects when an agent cannot be connected. */
export async function measureIdleAgents(options: IdleAgentsOptions): Promise<IdleAgentsResult> {
  const { care, sources, agents, windows, seed, at, tell } = options;
  at(0, "starting the tuned hub");
  const edgeFlags = ["--max-connections", String(agents + SPARE_CONNECTIONS)];
  const started = await startHub(
    { kind: "single", profile: "tuned", fixes: [] },
    { care, sources, durability: "fsync", tell, edgeFlags },
  );
  if (!started.ok) throw new Error(`single-tuned: ${started.refusal.message}; ${started.refusal.nextStep}`);
  const { hub } = started;
  const pids = hub.roles.get("hub") ?? [];
  await sleep(SETTLE_MS);
  const before = rssOf(pids);
  const memory: { numerator: number; denominator: number }[] = [];
  const generators: GeneratorProcess[] = [];
  let [registerMs, connectMs, connected, rss] = [0, 0, 0, before];
  for (let step = 0; step < STEPS; step++) {
    at((0.4 * step) / STEPS, `connecting, ${connected} agents so far`);
    const count = Math.floor((agents * (step + 1)) / STEPS) - connected;
    if (count === 0) continue;
    const generator = new GeneratorProcess({ phase: () => undefined, note: tell });
    care.atEnd(() => generator.kill());
    generators.push(generator);
    const done = await generator.connect(idleFleet(hub, { agents: count, seed: seed + step }));
    registerMs += done.registerMs;
    connectMs += done.ms;
    connected += count;
    await sleep(SETTLE_MS);
    const now = rssOf(pids);
    memory.push({ numerator: (now - rss) / 1024, denominator: count });
    rss = now;
  }

  const spent: { wallSec: number; cpuSec: number; frames: number }[] = [];
  for (let window = 0; window < windows; window++) {
    at(0.4 + (0.6 * window) / windows, `${connected} agents idle, window ${window + 1} of ${windows}`);
    const start = await reading(hub, pids);
    await sleep(TIMERS.pingEveryMs);
    const end = await reading(hub, pids);
    spent.push({
      wallSec: (end.atMs - start.atMs) / 1000,
      cpuSec: end.cpuSeconds - start.cpuSeconds,
      frames: end.framesIn - start.framesIn,
    });
  }
  const { online } = await reading(hub, pids);
  const after = rssOf(pids);
  for (const generator of generators) await generator.close();
  await hub.stop();

  const random = seededRandom(seed);
  const ratio = (unit: string, of: (each: (typeof spent)[number]) => [numerator: number, denominator: number]) =>
    ratioEstimate(
      spent.map((each) => of(each)).map(([numerator, denominator]) => ({ numerator, denominator })),
      unit,
      random,
    ) as Estimate;
  return {
    hub: "single-tuned",
    agents,
    online,
    kibPerConnection: ratioEstimate(memory, "KiB", random) as Estimate,
    rssBytes: { before, after },
    cpuPercent: ratio("% of a core", ({ cpuSec, wallSec }) => [100 * cpuSec, wallSec]),
    heartbeatsPerSec: ratio("/s", ({ frames, wallSec }) => [frames, wallSec]),
    cpuMicrosPerHeartbeat: ratio("CPU-µs", ({ cpuSec, frames }) => [1e6 * cpuSec, frames]),
    registerMs,
    connectMs,
    windowMs: TIMERS.pingEveryMs,
  };
}

/** For a look at the hub's metrics, and agents that come back before they are missed. */
const SPARE_CONNECTIONS = 100;

function idleFleet(hub: RunningHub, { agents, seed }: { agents: number; seed: number }) {
  return {
    ws: hub.ws,
    http: hub.http,
    agents,
    seed,
    behaviour: {
      workTime: { kind: "constant" as const, ms: 0 },
      progress: null,
      failure: { share: 0, as: "failed" as const },
      outputChars: 0,
    },
    timeScale: 1,
    prefix: `idle-${seed}`,
    httpConnections: 1,
    limitMs: CONNECT_LIMIT_MS,
    submits: false,
  };
}

const CONNECT_LIMIT_MS = 120_000;

function rssOf(pids: readonly number[]): number {
  return readUsage(pids).reduce((sum, { rssBytes }) => sum + rssBytes, 0);
}

async function reading(hub: RunningHub, pids: readonly number[]) {
  const answer = await fetch(`${hub.http[0]}/api/metrics`);
  const { agents, counters } = (await answer.json()) as { agents: { connected: number }; counters: { frames_in: number } };
  const cpuSeconds = readUsage(pids).reduce((sum, usage) => sum + usage.cpuSeconds, 0);
  return { atMs: performance.now(), cpuSeconds, framesIn: counters.frames_in, online: agents.connected };
}
