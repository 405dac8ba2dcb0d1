/** Counts what tasks move, by segment: on the hub's sockets, and on those of each agent to the endpoint and to the API. */
import { readFleet, type SegmentTraffic, type WorkMix, type WorkTier } from "@hubscale/fleet-model";
import { type SidecarEvent, systemClock } from "@hubscale/sidecar-sim";
import { startHub } from "../drivers/index.ts";
import { LoadGenerator } from "../load/load-generator.ts";
import type { ProcessCare } from "../machine/index.ts";
import type { ServerSources } from "../provisioning/index.ts";
import { awaitEndpoints } from "../staged-fleet/await-endpoints.ts";
import { plannedTaskBody } from "../staged-fleet/planned-task.ts";
import { StagedFleet } from "../staged-fleet/staged-fleet.ts";
import type { ByteCount, TaskBytes } from "./bytes-schema.ts";

export type { ByteCount, TaskBytes };

export interface ByteCountRun {
  mix: WorkMix;
  size: { descriptionChars: number; metadataBytes: number };
  /** Of each tier; a multiple of the agents. */
  tasks: Readonly<Record<WorkTier, number>>;
  timeScale: number;
  seed: number;
  care: ProcessCare;
  sources: ServerSources;
  at(share: number, doing: string): void;
  tell(line: string): void;
}

export const AGENTS = 4;

/** Long enough for several heartbeats and reports of each agent. */
const IDLE_FLEET_MS = 120_000;

/**
 * Tasks under way at once. The hub's score of an endpoint does not see its queue, so it may send all standard tasks to one GPU: one at
 * a time, or their waiting would be taken for work.
 */
const IN_FLIGHT: Readonly<Record<WorkTier, number>> = { trivial: AGENTS, standard: 1, complex: AGENTS };

/** An agent for each host, so that none waits for another's build; the lines are wide, so that none waits for them. */
function fleetOf() {
  const host = { name: "host", count: AGENTS, cores: 8, ram_gb: 64, gpu: "rtx4090", model: "llama3.1:8b", agents: 1 };
  const site = { name: "site", hub: "local", uplink: { up_mbit_s: 10_000, delay_ms: 0, burst_kb: 1_000 }, hosts: [host] };
  const fleet = readFleet({ name: "bytes", api: { tier: "scale", model: "claude-sonnet-4-5" }, sites: [site] });
  if (!fleet.ok) throw new Error(JSON.stringify(fleet.problems));
  return fleet.value;
}

/** Rejects when the hub or a stub fails, or when a task does: its bytes would not be those of a task. */
export async function countBytes(run: ByteCountRun): Promise<ByteCount> {
  const { mix, timeScale, seed, care, sources, tell } = run;
  run.at(0, "starting the tuned hub and the stubs");
  const started = await startHub({ kind: "single", profile: "tuned", fixes: [] }, { care, sources, durability: "fsync", tell });
  if (!started.ok) throw new Error(`single-tuned: ${started.refusal.message}; ${started.refusal.nextStep}`);
  const { ws, http } = started.hub;
  const staged = await StagedFleet.start({
    fleet: fleetOf(),
    mix,
    seed,
    clock: systemClock,
    timeScale,
    hubWsUrls: ws,
    claude: undefined,
  });
  care.atEnd(() => staged.close());
  const connected = await LoadGenerator.connect(
    {
      ws,
      http,
      agents: staged.agents,
      seed,
      behaviour: IDLE_BEHAVIOUR,
      timeScale,
      prefix: `bytes-${seed}`,
      httpConnections: AGENTS,
      limitMs: 30_000,
    },
    { clock: systemClock, note: tell, placeOf: (agent) => staged.workplaceOf(agent) },
  );
  if (!connected.ok) throw new Error(`the agents could not connect: ${connected.detail}`);
  const counting = new Counting(connected.generator, staged, run);
  try {
    const token = connected.tokens.values().next().value ?? "";
    const wait = { http: http[0] ?? "", token, urls: staged.endpointUrls, limitMs: ENDPOINTS_WITHIN_MS, clock: systemClock };
    if (!(await awaitEndpoints(wait))) throw new Error("the hub does not find the Ollama stubs healthy");
    return await counting.run();
  } finally {
    await connected.generator.close();
    await staged.close();
    await started.hub.stop();
  }
}

const ENDPOINTS_WITHIN_MS = 40_000;

/** Of agents without an executor of their own; here each has one. */
const IDLE_BEHAVIOUR = {
  workTime: { kind: "constant" as const, ms: 0 },
  progress: null,
  failure: { share: 0, as: "failed" as const },
  outputChars: 0,
};

class Counting {
  private readonly generator: LoadGenerator;
  private readonly staged: StagedFleet;
  private readonly given: ByteCountRun;
  private ended = 0;
  private wake: (() => void) | undefined;
  private number = 0;

  constructor(generator: LoadGenerator, staged: StagedFleet, given: ByteCountRun) {
    this.generator = generator;
    this.staged = staged;
    this.given = given;
    generator.listen((event) => this.heard(event));
  }

  async run(): Promise<ByteCount> {
    const { at, timeScale, tasks } = this.given;
    at(0.05, "warming up: models are loaded");
    await this.do("standard", AGENTS);
    await this.do("trivial", AGENTS);
    at(0.15, "agents that do nothing");
    const before = this.hubCounters();
    await this.generator.until(systemClock.monotonicMs() + IDLE_FLEET_MS / timeScale);
    const idle = perAgentSecond(before, this.hubCounters());
    const tiers: TaskBytes[] = [];
    for (const [index, tier] of (["trivial", "standard", "complex"] as const).entries()) {
      at(0.3 + 0.2 * index, `${tasks[tier]} ${tier} tasks`);
      tiers.push(await this.count(tier, idle));
    }
    return { idle, tiers };
  }

  private async count(tier: WorkTier, idle: SegmentTraffic): Promise<TaskBytes> {
    const tasks = this.given.tasks[tier];
    const tally = this.staged.tally.tiers[tier];
    const before = { hub: this.hubCounters(), tally: structuredClone(tally) };
    await this.do(tier, tasks);
    const after = { hub: this.hubCounters(), tally };
    const seconds = after.hub.atSec - before.hub.atSec;
    const of = (value: (counters: typeof before.tally) => number) => (value(after.tally) - value(before.tally)) / tasks;
    const tokensOut = of((counters) => counters.tokensOut);
    const hubWay = (way: "up" | "down") => ({
      bytes: (after.hub[way].bytes - before.hub[way].bytes - idle[way].bytes * AGENTS * seconds) / tasks,
      writes: (after.hub[way].writes - before.hub[way].writes - idle[way].writes * AGENTS * seconds) / tasks,
    });
    // A request is one write; an answer comes token by token.
    const model = (segment: "ollama" | "api", requests: number): SegmentTraffic => ({
      up: { bytes: of(({ traffic }) => traffic[segment].upBytes), writes: requests },
      down: { bytes: of(({ traffic }) => traffic[segment].downBytes), writes: requests > 0 ? tokensOut : 0 },
    });
    return {
      tier,
      tasks,
      workSec: of(({ workMs }) => workMs) / 1_000,
      tokensOut,
      hub: { up: hubWay("up"), down: hubWay("down") },
      ollama: model(
        "ollama",
        of(({ requests }) => requests.ollama),
      ),
      api: model(
        "api",
        of(({ requests }) => requests.api),
      ),
    };
  }

  private async do(tier: WorkTier, tasks: number): Promise<void> {
    const { mix, seed, size } = this.given;
    const { submitter } = this.generator;
    const only: WorkMix = { trivial: undefined, standard: undefined, complex: undefined, [tier]: mix[tier] };
    const began = this.ended;
    const refused: string[] = [];
    for (let sent = 0; this.ended < began + tasks && refused.length === 0; ) {
      if (sent < tasks && sent - (this.ended - began) < IN_FLIGHT[tier]) {
        sent++;
        submitter.submit(plannedTaskBody(only, { seed, number: this.number++ }, size), (submission) => {
          if (submission.ok) return;
          refused.push(JSON.stringify(submission));
          this.wake?.();
        });
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
    const { failed, errors } = this.staged.tally.tiers[tier];
    if (refused.length > 0) throw new Error(`the hub did not take a task: ${refused[0]}`);
    if (failed > 0) throw new Error(`${failed} ${tier} tasks failed: ${JSON.stringify(errors)}`);
  }

  private heard(event: SidecarEvent): void {
    if (event.type !== "outcome_acked" && event.type !== "outcome_refused") return;
    this.ended++;
    this.wake?.();
  }

  private hubCounters(): HubCounters {
    const { framesIn, framesOut, bytesIn, bytesOut } = this.generator.fleet.counters();
    return {
      up: { bytes: bytesOut, writes: framesOut },
      down: { bytes: bytesIn, writes: framesIn },
      atSec: this.staged.elapsedMs / 1_000,
    };
  }
}

interface HubCounters extends SegmentTraffic {
  atSec: number;
}

function perAgentSecond(before: HubCounters, after: HubCounters): SegmentTraffic {
  const agentSeconds = AGENTS * (after.atSec - before.atSec);
  const way = (which: "up" | "down") => ({
    bytes: (after[which].bytes - before[which].bytes) / agentSeconds,
    writes: (after[which].writes - before[which].writes) / agentSeconds,
  });
  return { up: way("up"), down: way("down") };
}
