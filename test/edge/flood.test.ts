/**
 * More than a million hostile frames against a whole hub: floods before and after identify, frames and requests that are wrong in
 * every way, connections that say half of something. The hub lives, its memory stays bounded, and an honest agent goes on working.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConformanceContext } from "@hubscale/hub-runtime/testing";
import { readUsage } from "hubscale/machine";
import { afterEach, beforeEach, expect, it } from "vitest";
import { HubProcess, type TemporaryFolder, temporaryFolder } from "../hub-single/hub-process.ts";
import { Victim, type Waits } from "./victim.ts";

/** HUBSCALE_TEST_SEED=n draws other frames. */
const SEED = Number(process.env.HUBSCALE_TEST_SEED ?? 1);
const ORDERS = { framesIdentified: 1_400_000, framesUnidentified: 400_000, requests: 20_000, idleConnections: 300 };
const TALKERS = 6;
const CALM_MS = 3_000;
const SAMPLE_EVERY_MS = 200;

/** A hub that kept what it is sent would need more than a gigabyte; the sockets' buffers and uncollected garbage are allowed. */
const GROWTH_BYTES = 400_000_000;
/**
 * What an honest agent may have to wait for at the worst, submission to acknowledged completion: far from what it waits in calm,
 * and from the 30 s after which clients give up. The flood leaves the hub no idle CPU, and the attackers want both cores too.
 */
const BEARABLE_MS = 10_000;
/** And half of its tasks within so many times the calm median, or this long, whichever is longer. */
const SLOWER = 100;
const BEARABLE_MEDIAN_MS = 1_000;

let folder: TemporaryFolder;
let attackers: ChildProcess | undefined;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  attackers?.kill("SIGKILL");
  await folder.remove();
});

it("outlives a million hostile frames, bounded in memory, and serves the others meanwhile", { timeout: 180_000 }, async () => {
  const hub = await HubProcess.ready(["--data", join(folder.path, "data")]);
  const context = new ConformanceContext({ ws: hub.ws, http: hub.http }, 30_000);
  try {
    const victim = await Victim.join(context, hub.http);
    await victim.work(until(performance.now() + CALM_MS / 3));
    const calm = await victim.work(until(performance.now() + CALM_MS));

    const memory = new MemoryWatch(hub.child.pid as number);
    const agents: { agentId: string; token: string }[] = [];
    for (let index = 0; index < TALKERS; index++) {
      const agentId = context.unique(`talker-${index}`);
      agents.push({ agentId, token: await context.register(agentId) });
    }
    const startMs = performance.now();
    let sent: Sent | undefined;
    const attack = attackWith({ port: Number(new URL(hub.http).port), seed: SEED, agents, ...ORDERS }).then((all) => {
      sent = all;
    });
    const flooded = await victim.work(() => sent !== undefined);
    await attack;
    const floodMs = performance.now() - startMs;
    const after = await victim.work(until(performance.now() + CALM_MS / 3));
    const growth = memory.end();

    const { counters } = (await hub.call("GET", "/api/metrics")).body as { counters: Record<string, number> };
    const { identified = 0, unidentified = 0, requests, connections } = sent ?? {};
    tell(
      `seed ${SEED}: ${identified + unidentified} frames, ${requests} requests and ${connections} connections in ${(floodMs / 1_000).toFixed(1)} s`,
    );
    tell(
      `the hub handled ${counters["frames_in"]} frames, counted ${counters["violations"]} violations; RSS ${inMB(growth.firstBytes)} → at most ${inMB(growth.mostBytes)}, ${inMB(growth.lastBytes)} at the end`,
    );
    for (const [when, waits] of Object.entries({ calm, flooded, after })) tell(`${when}: ${inWords(waits)}`);

    expect(identified + unidentified).toBeGreaterThanOrEqual(1_000_000);
    expect(counters["frames_in"]).toBeGreaterThanOrEqual(1_000_000);
    expect(growth.mostBytes - growth.firstBytes).toBeLessThan(GROWTH_BYTES);
    expect(flooded.count).toBeGreaterThan(0);
    expect(flooded.msMax).toBeLessThan(BEARABLE_MS);
    expect(flooded.msP50).toBeLessThan(Math.max(SLOWER * calm.msP50, BEARABLE_MEDIAN_MS));
    expect((await hub.call("GET", "/health")).status).toBe(200);
  } finally {
    await context.close();
    const ended = await hub.kill("SIGTERM");
    expect(ended).toMatchObject({ code: 0, signal: null });
  }
});

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

function tell(line: string): void {
  process.stdout.write(`flood: ${line}\n`);
}

function inWords({ count, msP50, msP99, msMax }: Waits): string {
  const [p50, p99, max] = [msP50, msP99, msMax].map((ms) => ms.toFixed(1));
  return `${count} tasks, p50 ${p50} ms, p99 ${p99} ms, at most ${max} ms`;
}

function inMB(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
