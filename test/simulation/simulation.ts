/** A sharded hub with its engine, its agents and its faults in simulated time: one seed, one plan, always the same history. */
import { seededRandom } from "@hubscale/sidecar-sim";
import type { CallFault, CallFaultOf } from "./call-faults.ts";
import { chanceOf } from "./chance.ts";
import { History } from "./history.ts";
import { type Action, AGENTS, endMsOf, NODES, planOf, sentenceOf } from "./plan.ts";
import { SimulatedAgent } from "./simulated-agent.ts";
import { type EngineFlaws, SimulatedEngine } from "./simulated-engine.ts";
import { SimulatedNode } from "./simulated-node.ts";
import { World } from "./world.ts";

export interface SimulationResult {
  violations: string[];
  history: string[];
  counts: Record<string, number>;
  steps: number;
  /** Milliseconds until all had come to an end. */
  endedMs: number;
}

const LEASE_MS = 3_000;
const SHARDS = 2;
/** Everything has come to an end by then: longer than the slowest of the hub's clocks, the 20 minutes of a task that is stuck. */
const PATIENCE_MS = 45 * 60_000;

/** What was submitted last is on its way for so long at most. */
const SETTLING_MS = 3_000;

const SOUND: EngineFlaws = { ignoresTokens: false, answersBeforeSync: false };

/** What is done to the hub, and the chance in everything else: delays, choices, how long work takes. */
export interface Scenario {
  plan: readonly Action[];
  noise: number;
}

export function scenarioOf(seed: number): Scenario {
  return { plan: planOf(seededRandom(seed)), noise: seed };
}

/** `faultOf`: calls of the port that fail beside those of the plan. */
export async function simulate(
  { plan, noise }: Scenario,
  flaws: Partial<EngineFlaws> = {},
  faultOf: CallFaultOf = () => undefined,
): Promise<SimulationResult> {
  const chance = chanceOf(noise);
  const world = new World();
  const history = new History(world);
  const engine = new SimulatedEngine({ world, history, leaseMs: LEASE_MS, flaws: { ...SOUND, ...flaws } });
  const planned = new PlannedCallFaults(history);
  let connections = 0;
  const nodes: SimulatedNode[] = Array.from({ length: NODES }, (_, index) => {
    return new SimulatedNode({
      world,
      chance,
      engine,
      history,
      shards: SHARDS,
      leaseMs: LEASE_MS,
      name: `n${index + 1}`,
      nodes: () => nodes,
      nextConnectedAt: () => ++connections,
      faultOf: (call) => planned.of(call) ?? faultOf(call),
      onEnded: (node) => {
        for (const each of agents) each.nodeDied(node);
      },
    });
  });
  const agents = Array.from({ length: AGENTS }, (_, index) => {
    return new SimulatedAgent({ agentId: `a${index + 1}`, world, chance, history, engine, nodes });
  });
  const submitter = new Submitter({ engine, history, nodes });
  for (const action of plan) {
    world.after(action.atMs, () => {
      history.tell(`- ${sentenceOf(action)}`);
      carryOut(action, { agents, engine, nodes, planned, submitter });
    });
  }
  const faultsEndMs = Math.max(0, ...plan.map(endMsOf));
  const isSettled = () =>
    world.elapsedMs > faultsEndMs + SETTLING_MS && engine.open().length === 0 && !agents.some(({ isWorking }) => isWorking);
  const steps = await world.run(PATIENCE_MS, () => history.violations.length > 0 || isSettled());
  if (history.violations.length === 0) {
    for (const taskId of engine.open()) history.violated(`task ${taskId}: still open ${PATIENCE_MS / 60_000} minutes later`);
    for (const each of [...engine.contradictions(), ...submitter.missing()]) history.violated(each);
  }
  const counts = { ...history.counts, undone: engine.undone };
  return { violations: history.violations, history: history.lines, counts, steps, endedMs: world.elapsedMs };
}

/** Other chances that are tried for less of a plan: without an action everything else draws differently. */
const NOISES = Array.from({ length: 5 }, (_, noise) => noise);

/** Leaves out what is not needed for the failure: half of the plan at a time, then less, until nothing more can be left out. */
export async function shrunk(failing: Scenario, stillFails: (scenario: Scenario) => Promise<boolean>): Promise<Scenario> {
  let present = failing;
  for (let size = Math.ceil(failing.plan.length / 2); size >= 1; ) {
    const before = present.plan.length;
    for (let at = 0; at < present.plan.length; ) {
      const plan = present.plan.filter((_, index) => index < at || index >= at + size);
      const less = await firstThat(
        [present.noise, ...NOISES].map((noise) => ({ plan, noise })),
        stillFails,
      );
      if (less) present = less;
      else at += size;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (present.plan.length === before) size = 0;
  }
  return present;
}

async function firstThat<T>(candidates: readonly T[], holds: (candidate: T) => Promise<boolean>): Promise<T | undefined> {
  for (const candidate of candidates) if (await holds(candidate)) return candidate;
  return undefined;
}

/** Calls that are to fail, by node: after so many that go well. */
class PlannedCallFaults {
  readonly #history: History;
  readonly #due: { node: string; fault: CallFault; skip: number; calls: number }[] = [];

  constructor(history: History) {
    this.#history = history;
  }

  add({ node, fault, skip, calls }: Extract<Action, { do: "fail calls of node" }>): void {
    this.#due.push({ node: `n${node + 1}`, fault, skip, calls });
  }

  of({ node, name }: { node: string; name: string }): CallFault | undefined {
    const due = this.#due.find((each) => each.node === node && each.calls > 0);
    if (!due || due.skip-- > 0) return undefined;
    due.calls--;
    this.#history.tell(`${node}: ${name} fails, ${due.fault.sort}`);
    this.#history.count(`failed ${due.fault.sort}`);
    return due.fault;
  }
}

/** The client's side of the story. */
class Submitter {
  readonly #of: { engine: SimulatedEngine; history: History; nodes: readonly SimulatedNode[] };
  readonly #acknowledged: string[] = [];
  readonly #cancelled = new Set<string>();

  constructor(of: { engine: SimulatedEngine; history: History; nodes: readonly SimulatedNode[] }) {
    this.#of = of;
  }

  submit({ node, priority, assignTo, after, bytes }: Extract<Action, { do: "submit" }>): void {
    const awaited = after === null ? undefined : this.#acknowledged[after];
    const metadata = bytes > 0 ? { notes: "x".repeat(bytes) } : {};
    const body = { description: "Change how the parser reads numbers.", priority, assign_to: assignTo, metadata };
    this.#on(node, async (at) => {
      const taskId = await at.submit({ ...body, depends_on: awaited === undefined ? [] : [awaited] });
      if (taskId !== undefined) this.#acknowledged.push(taskId);
    });
  }

  command({ do: command, node, nth }: Extract<Action, { do: "cancel" | "retry" }>): void {
    const taskId = this.#acknowledged[nth];
    if (taskId === undefined) return;
    // The answer may be lost, and the task gone all the same.
    if (command === "cancel") this.#cancelled.add(taskId);
    this.#on(node, async (at) => {
      await at.command(taskId, command);
    });
  }

  /** What was acknowledged and is not there. */
  missing(): string[] {
    const { rows } = this.#of.engine.onDisk;
    return this.#acknowledged
      .filter((taskId) => !rows.has(taskId) && !this.#cancelled.has(taskId))
      .map((taskId) => `task ${taskId}: was acknowledged and is gone`);
  }

  #on(index: number, run: (node: SimulatedNode) => Promise<void>): void {
    const { history, nodes } = this.#of;
    const node = nodes[index] as SimulatedNode;
    if (!node.isAccepting) return;
    node.process.enter(() => {
      run(node).catch((error: unknown) => history.violated(`${node.name} broke: ${String(error)}`));
    });
  }
}

function carryOut(
  action: Action,
  hub: {
    agents: readonly SimulatedAgent[];
    engine: SimulatedEngine;
    nodes: readonly SimulatedNode[];
    planned: PlannedCallFaults;
    submitter: Submitter;
  },
): void {
  const node = "node" in action ? (hub.nodes[action.node] as SimulatedNode) : undefined;
  const agent = "agent" in action ? hub.agents[action.agent] : undefined;
  switch (action.do) {
    case "submit":
      return hub.submitter.submit(action);
    case "cancel":
    case "retry":
      return hub.submitter.command(action);
    case "kill node":
      node?.kill(action.forMs);
      for (const each of hub.agents) each.nodeDied(node as SimulatedNode);
      return;
    case "stop node":
      return node?.process.stop(action.forMs);
    case "cut off node":
      return node?.cutOff(action.forMs);
    case "set clock of node":
      return node?.process.setClockWrong(action.byMs);
    case "fail calls of node":
      return hub.planned.add(action);
    case "deafen node":
      return node?.deafen(action.forMs);
    case "cut power of engine":
      return hub.engine.cutPower(action.forMs);
    case "kill agent":
      return agent?.crash();
    case "break connection of agent":
      return agent?.loseConnection();
  }
}
