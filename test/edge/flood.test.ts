/**
 * More than a million hostile frames against whole hubs: floods before and after identify, frames and requests that are wrong in
 * every way, connections that say half of something. The hub lives, its memory stays bounded, and an honest agent goes on working.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { ConformanceContext } from "@hubscale/hub-runtime/testing";
import { readUsage } from "hubscale/machine";
import { afterEach, expect, it } from "vitest";
import { NodeProcess } from "../hub-sharded/node-process.ts";
import { redisForTests } from "../hub-sharded/start-redis.ts";
import { HubProcess, temporaryFolder } from "../hub-single/hub-process.ts";
import { Victim, type Waits } from "./victim.ts";

/** HUBSCALE_TEST_SEED=n draws other frames. */
const SEED = Number(process.env.HUBSCALE_TEST_SEED ?? 1);
const TALKERS = 6;
const CALM_MS = 3_000;
const SAMPLE_EVERY_MS = 200;

/** A hub that kept what it is sent would need many times as much; the sockets' buffers and uncollected garbage are allowed. */
const GROWTH_BYTES = 400_000_000;
/**
 * What an honest agent may have to wait for at the worst, submission to acknowledged completion: far from what it waits in calm,
 * and from the 30 s after which clients give up. The attackers want the cores too, of which there may be two.
 */
const BEARABLE_MS = 10_000;
/** And half of its tasks within so many times the calm median, or this long, whichever is longer. */
const SLOWER = 100;
const BEARABLE_MEDIAN_MS = 1_000;

interface FloodedHub {
  ws: string;
  http: string;
  pid: number;
  /** As an operator would; the exit code. */
  stop(): Promise<number | null>;
}

interface Flood {
  framesIdentified: number;
  framesUnidentified: number;
  requests: number;
  idleConnections: number;
  /** So many of the frames have to be taken in by the hub, or the flood proved little: others die with their connection. */
  handledAtLeast: number;
}

const redis = redisForTests();
let attackers: ChildProcess | undefined;
afterEach(() => {
  attackers?.kill("SIGKILL");
});

async function singleHub(): Promise<FloodedHub> {
  const folder = await temporaryFolder();
  const hub = await HubProcess.ready(["--data", join(folder.path, "data")]);
  const stop = async () => {
    const { code } = await hub.kill("SIGTERM");
    await folder.remove();
    return code;
  };
  return { ws: hub.ws, http: hub.http, pid: hub.child.pid as number, stop };
}

async function shardedNode(): Promise<FloodedHub> {
  const node = await NodeProcess.start(redis.care, [...redis.flags, "--namespace", `test-${systemRandomHex(4)}`]);
  const stop = async () => {
    await node.process.stop();
    return (await node.process.ended).code;
  };
  return { ws: node.ws, http: node.http, pid: node.process.pid, stop };
}

const MILLION: Flood = {
  framesIdentified: 750_000,
  framesUnidentified: 300_000,
  requests: 20_000,
  idleConnections: 300,
  handledAtLeast: 500_000,
};
const TENTH: Flood = {
  framesIdentified: 75_000,
  framesUnidentified: 30_000,
  requests: 2_000,
  idleConnections: 300,
  handledAtLeast: 50_000,
};

it.each([
  ["the single hub", singleHub, MILLION],
  ["a node over Redis", shardedNode, TENTH],
])(
  "%s outlives hostile clients, bounded in memory, and serves the others meanwhile",
  { timeout: 240_000 },
  async (name, start, flood) => {
    const hub = await start();
    const context = new ConformanceContext({ ws: hub.ws, http: hub.http }, 30_000);
    try {
      const victim = await Victim.join(context, hub.http);
      // Compiled, and its heap of the size that work takes.
      await victim.work(until(performance.now() + CALM_MS / 3));
      const calm = await victim.work(until(performance.now() + CALM_MS));

      const agents: { agentId: string; token: string }[] = [];
      for (let index = 0; index < TALKERS; index++) {
        const agentId = context.unique(`talker-${index}`);
        agents.push({ agentId, token: await context.register(agentId) });
      }
      const memory = new MemoryWatch(hub.pid);
      const startMs = performance.now();
      let isOver = false;
      const attack = attackWith({ port: Number(new URL(hub.http).port), seed: SEED, agents, ...flood }).finally(() => {
        isOver = true;
      });
      const [sent, flooded] = await Promise.all([attack, victim.work(() => isOver)]);
      const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
      const after = await victim.work(until(performance.now() + CALM_MS / 3));
      const { firstBytes, lastBytes, mostBytes } = memory.end();

      const { counters } = (await context.http("GET", "/api/metrics")).body as { counters: Record<string, number> };
      const frames = sent.identified + sent.unidentified;
      const tell = (line: string) => process.stdout.write(`flood of ${name}: ${line}\n`);
      tell(`seed ${SEED}, ${frames} frames, ${sent.requests} requests and ${sent.connections} connections in ${seconds} s`);
      tell(`it took in ${counters["frames_in"]} frames, with ${counters["violations"]} violations`);
      tell(`RSS ${inMB(firstBytes)} before, at most ${inMB(mostBytes)}, ${inMB(lastBytes)} at the end`);
      for (const [when, waits] of Object.entries({ calm, flooded, after })) tell(`${when}: ${inWords(waits)}`);

      expect(counters["frames_in"]).toBeGreaterThanOrEqual(flood.handledAtLeast);
      expect(mostBytes - firstBytes).toBeLessThan(GROWTH_BYTES);
      expect(flooded.msMax).toBeLessThan(BEARABLE_MS);
      expect(flooded.msP50).toBeLessThan(Math.max(SLOWER * calm.msP50, BEARABLE_MEDIAN_MS));
      expect((await context.http("GET", "/health")).status).toBe(200);
    } finally {
      await context.close();
      expect(await hub.stop()).toBe(0);
    }
  },
);

interface Sent {
  identified: number;
  unidentified: number;
  requests: number;
  connections: number;
}

async function attackWith(orders: object): Promise<Sent> {
  attackers = fork(fileURLToPath(new URL("./attackers-main.mjs", import.meta.url)));
  attackers.send(orders);
  const [sent] = (await Promise.race([once(attackers, "message"), endedEarly(attackers)])) as [Sent];
  return sent;
}

async function endedEarly(child: ChildProcess): Promise<never> {
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  throw new Error(`the attackers ended with ${code ?? signal}`);
}

class MemoryWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  readonly #firstBytes: number;
  #mostBytes: number;

  constructor(pid: number) {
    this.#pid = pid;
    this.#firstBytes = this.#mostBytes = this.#rssBytes();
    this.#timer = setInterval(() => {
      this.#mostBytes = Math.max(this.#mostBytes, this.#rssBytes());
    }, SAMPLE_EVERY_MS);
  }

  end(): { firstBytes: number; mostBytes: number; lastBytes: number } {
    clearInterval(this.#timer);
    return { firstBytes: this.#firstBytes, mostBytes: this.#mostBytes, lastBytes: this.#rssBytes() };
  }

  /** 0: it is dead, which is found elsewhere. */
  #rssBytes(): number {
    return readUsage([this.#pid])[0]?.rssBytes ?? 0;
  }
}

function until(endMs: number): () => boolean {
  return () => performance.now() > endMs;
}

function inWords({ count, msP50, msP99, msMax }: Waits): string {
  const [p50, p99, max] = [msP50, msP99, msMax].map((ms) => ms.toFixed(1));
  return `${count} tasks, p50 ${p50} ms, p99 ${p99} ms, at most ${max} ms`;
}

function inMB(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
