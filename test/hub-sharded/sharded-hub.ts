/** A hub of several nodes behind a front door, under steady work, for tests of what faults do to it. */
import { systemRandomHex } from "@hubscale/hub-runtime";
import { FrontDoor, type Recovery, SteadyWork, type SteadyWorkEnd } from "hubscale/faults";
import type { ProcessCare } from "hubscale/machine";
import { expect } from "vitest";
import { until } from "./desk-node.ts";
import { NodeProcess } from "./node-process.ts";

export interface ShardedHubOptions {
  care: ProcessCare;
  /** Flags of all nodes: the backbone, the lease. */
  flags: readonly string[];
  nodes: number;
  /** Further flags of single nodes, by name: `n1`, `n2` … */
  flagsOf?: (name: string) => readonly string[];
}

export interface WorkOptions {
  agents: number;
  ratePerSec: number;
  workMs: number;
}

export class ShardedHub {
  readonly nodes = new Map<string, NodeProcess>();
  readonly door: FrontDoor;
  readonly #options: ShardedHubOptions;
  readonly #namespace = `test-${systemRandomHex(4)}`;

  static async start(options: ShardedHubOptions): Promise<ShardedHub> {
    const hub = new ShardedHub(options, await FrontDoor.open([]));
    await Promise.all(Array.from({ length: options.nodes }, (_, index) => hub.startNode(`n${index + 1}`)));
    return hub;
  }

  private constructor(options: ShardedHubOptions, door: FrontDoor) {
    this.#options = options;
    this.door = door;
  }

  node(name: string): NodeProcess {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`no node ${name}`);
    return node;
  }

  /** Starts a node, or starts it again, and waits until the front door passes it connections. */
  async startNode(name: string): Promise<NodeProcess> {
    const { care, flags, flagsOf = () => [] } = this.#options;
    const own = ["--node", name, "--namespace", this.#namespace, ...flags, ...flagsOf(name)];
    const node = await NodeProcess.start(care, own);
    const before = this.nodes.get(name);
    if (before) this.door.remove(before.http);
    this.nodes.set(name, node);
    this.door.add(node.http);
    await until("the node at the front door", () => this.door.healthy.includes(node.http));
    return node;
  }

  /** Resolves when the agents are connected and the first tasks are done. */
  work(options: WorkOptions): Promise<SteadyWork> {
    return steadyWorkAt(this.door, options);
  }

  async stop(): Promise<void> {
    for (const { process } of this.nodes.values()) process.signal("SIGCONT");
    await this.door.close();
    await Promise.all([...this.nodes.values()].map(({ process }) => process.stop()));
  }
}

/** Resolves when the agents are connected and the first tasks are done. */
export async function steadyWorkAt({ ws, http }: FrontDoor, options: WorkOptions): Promise<SteadyWork> {
  const work = await SteadyWork.start({ ws: [ws], http: [http], seed: 1, prefix: `a-${systemRandomHex(3)}`, ...options });
  await work.until("the first tasks done", () => work.completed > options.agents);
  return work;
}

/** Nothing acknowledged was lost, nothing done twice, all of it ended. */
export function expectClean({ history }: SteadyWorkEnd): void {
  const { lost, duplicated, staleAccepted, generationFaults, unfinished, offenders } = history;
  expect({ lost, duplicated, staleAccepted, generationFaults, unfinished, offenders }).toMatchObject({
    lost: 0,
    duplicated: 0,
    staleAccepted: 0,
    generationFaults: 0,
    unfinished: 0,
  });
}

/** A line of the test's output: the time to recover is a result, not a condition. */
export function tellRecovery(fault: string, recovery: Recovery, end: SteadyWorkEnd): void {
  const { history, postponed, disconnected, continued, aborted } = end;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const { acknowledgedMs, completedMs, caughtUpMs } = recovery;
  process.stdout.write(
    `${fault}: acknowledging after ${seconds(acknowledgedMs)}, completing after ${seconds(completedMs)}, caught up after ` +
      `${seconds(caughtUpMs)}; ${history.acknowledged} tasks, ${history.lost} lost, ${history.duplicated} twice, ` +
      `${postponed} × 503, ${disconnected} reconnects, ${continued} told to go on, ${aborted} to drop, ` +
      `${history.refusals} stale reports refused\n`,
  );
}
