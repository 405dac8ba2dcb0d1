/**
 * A fleet on a virtual clock: discrete events over the same rules that the stubs run (runner, host CPU, uplink, the API's limiter) and
 * the same tasks (task-plan.ts). Agents are never idle. Where the closed form takes means, this draws.
 */
import { CHARACTERS_PER_TOKEN } from "../agent-workload.ts";
import { endpointOf } from "../closed-form/gpu-round.ts";
import type { HubDemand } from "../closed-form/hub-demand.ts";
import { agentsOf, type FleetShape } from "../decision/fleet-shape.ts";
import type { Estimate } from "../decision/hub-evidence.ts";
import { HostCpu } from "../host-cpu.ts";
import { NETWORK_PATHS } from "../network-path.ts";
import { type Random, seededRandom } from "../random.ts";
import { drawTaskPlan, type TaskPlan, type WorkPhase } from "../task-plan.ts";
import { Uplink } from "../uplink.ts";
import type { WorkMix } from "../work-mix.ts";
import { ApiAccount } from "./api-account.ts";
import { BATCHES, batchMeans } from "./batch-means.ts";
import { DueTimes } from "./due-times.ts";
import { EndpointMachine } from "./endpoint-machine.ts";

export interface FleetSimulation {
  fleet: FleetShape;
  mix: WorkMix;
  hub: HubDemand;
  framesPerSec: number;
  seed: number;
  /** Before anything is counted. */
  settleMs: number;
  measureMs: number;
  /** Organisations that share the load at the API; 1 where nothing is said. */
  apiAccounts?: number;
  /** How often an agent asks again what the API refused for now, before its task fails; without end where nothing is said. */
  apiRetries?: number;
  /** Told of each task that has ended. True: the simulation is to end here. */
  onTask?: (task: EndedTask) => boolean;
}

/** `number` is the task's place in the order in which tasks were begun. */
export interface EndedTask {
  number: number;
  seconds: number;
  failed: boolean;
}

export interface SimulatedFleet {
  tasksPerHour: Estimate;
  taskSeconds: Estimate;
  tasks: number;
  events: number;
  /** Requests that the API refused for now. */
  refusals: number;
  utilisation: { name: string; share: number }[];
}

const LINE_BURST_BYTES = 32_000;
/** JSON of a progress frame and its WebSocket header; many share a packet's cost here, since bytes are what counts. */
const FRAME_BYTES = 158;

/** What an agent does when its time has come. */
type Stage = "begin" | "phase" | "sent" | "answered";

interface Agent {
  readonly name: string;
  readonly cpu: number;
  readonly endpoint: number;
  readonly line: number;
  stage: Stage;
  plan: TaskPlan | undefined;
  phase: number;
  beganMs: number;
  lastStepMs: number;
  lastOutputTokens: number;
  reservedTokens: number;
  refusals: number;
}

/** When each agent begins: spread over half of the time to settle, or all would ask at once. */
export function startTimesMs({ agents, seed, settleMs }: { agents: number; seed: number; settleMs: number }): number[] {
  const random = seededRandom(seed, START_STREAM);
  return Array.from({ length: agents }, () => random() * settleMs * 0.5);
}

const START_STREAM = 3;

export function simulateFleet(simulation: FleetSimulation): SimulatedFleet {
  return new FleetRun(simulation).run();
}

class FleetRun {
  private readonly simulation: FleetSimulation;
  private readonly random: Random;
  private readonly agents: Agent[] = [];
  private readonly cpus: HostCpu[] = [];
  private readonly cpuNames: string[] = [];
  private readonly endpoints: EndpointMachine[] = [];
  private readonly endpointNames: string[] = [];
  private readonly lines: { uplink: Uplink; isRemote: boolean; delayMs: number }[] = [];
  private readonly api: ApiAccount;
  private readonly due: DueTimes;
  private endMs: number;
  private readonly batchTasks = new Float64Array(BATCHES);
  private readonly batchSeconds = new Float64Array(BATCHES);
  private readonly cpuMs: Float64Array;
  private hubFreeMs = 0;
  private hubBusyMs = 0;
  private tasksBegun = 0;
  private events = 0;

  constructor(simulation: FleetSimulation) {
    this.simulation = simulation;
    this.random = seededRandom(simulation.seed, 1);
    this.endMs = simulation.settleMs + simulation.measureMs;
    this.api = new ApiAccount(simulation.fleet.api, seededRandom(simulation.seed, 2), simulation.apiAccounts);
    this.build(simulation.fleet);
    this.cpuMs = new Float64Array(this.cpus.length);
    this.due = new DueTimes(this.agents.length + this.cpus.length + this.endpoints.length);
    const { seed, settleMs } = simulation;
    startTimesMs({ agents: this.agents.length, seed, settleMs }).forEach((atMs, agent) => this.due.set(agent, atMs));
  }

  run(): SimulatedFleet {
    const { due } = this;
    const agents = this.agents.length;
    const cpus = this.cpus.length;
    while (due.first >= 0 && due.firstMs <= this.endMs) {
      const party = due.first;
      const nowMs = due.firstMs;
      this.events++;
      if (party < agents) this.proceed(party, nowMs);
      else if (party < agents + cpus) this.cpuDue(party - agents, nowMs);
      else this.endpointDue(party - agents - cpus, nowMs);
    }
    return this.result();
  }

  private build(fleet: FleetShape): void {
    const lineOf = new Map(
      fleet.sites.map((site, index) => {
        const path = NETWORK_PATHS.plain;
        const uplink = new Uplink({
          bitsPerSec: site.upMbitPerSec * 1e6,
          burstBytes: LINE_BURST_BYTES,
          delayMs: site.delayMs,
          path,
        });
        this.lines.push({ uplink, isRemote: site.hub === "remote", delayMs: site.delayMs });
        return [site.name, index];
      }),
    );
    for (const { gpu, count, name } of fleet.hosts) {
      if (!gpu) continue;
      const endpoint = endpointOf(gpu);
      for (let host = 0; host < count; host++) {
        this.endpoints.push(new EndpointMachine(endpoint));
        this.endpointNames.push(`gpu ${name}`);
      }
    }
    let own = 0;
    let guest = 0;
    for (const { gpu, count, name, cores, agents, site } of fleet.hosts) {
      for (let host = 0; host < count; host++) {
        const cpu = this.cpus.push(new HostCpu(cores, 0)) - 1;
        this.cpuNames.push(`cpu ${name}`);
        for (let agent = 0; agent < agents; agent++) {
          const endpoint = gpu ? own : this.endpoints.length === 0 ? -1 : guest++ % this.endpoints.length;
          this.agents.push(newAgent(this.agents.length, { cpu, endpoint, line: lineOf.get(site) ?? 0 }));
        }
        if (gpu) own++;
      }
    }
    if (this.agents.length !== agentsOf(fleet)) throw new Error("agents were lost while the fleet was built");
  }

  private proceed(index: number, nowMs: number): void {
    const agent = this.agents[index] as Agent;
    switch (agent.stage) {
      case "begin":
        this.begin(index, agent, nowMs);
        return;
      case "phase":
        this.startPhase(index, agent, nowMs);
        return;
      case "sent":
        this.askApi(index, agent, nowMs);
        return;
      case "answered":
        this.answered(index, agent, nowMs);
        return;
    }
  }

  private begin(index: number, agent: Agent, nowMs: number): void {
    const { mix, seed, hub, framesPerSec } = this.simulation;
    agent.plan = drawTaskPlan(mix, { seed, number: this.tasksBegun++ });
    agent.phase = 0;
    agent.beganMs = nowMs;
    agent.lastStepMs = Number.NEGATIVE_INFINITY;
    agent.lastOutputTokens = 0;
    agent.refusals = 0;
    // The hub's work for a task, its progress frames included, as one visit.
    const outputTokens = agent.plan.phases.reduce((sum, phase) => sum + ("outputTokens" in phase ? phase.outputTokens : 0), 0);
    const frames = (outputTokens / FRAME_TOKENS_PER_SEC) * framesPerSec;
    const serviceMs = -Math.log(1 - this.random()) * (hub.taskMs + frames * hub.frameMs);
    this.hubFreeMs = Math.max(this.hubFreeMs, nowMs) + serviceMs;
    this.hubBusyMs += serviceMs;
    agent.stage = "phase";
    this.due.set(index, this.hubFreeMs + hub.latencyMs);
  }

  private startPhase(index: number, agent: Agent, nowMs: number): void {
    const phase = agent.plan?.phases[agent.phase];
    if (phase === undefined) {
      this.finish(index, agent, nowMs);
      return;
    }
    agent.phase++;
    switch (phase.kind) {
      case "wait":
        this.due.set(index, nowMs + phase.ms);
        return;
      case "cpu": {
        this.due.set(index, Number.POSITIVE_INFINITY);
        const cpu = this.cpus[agent.cpu] as HostCpu;
        cpu.start({ id: agent.name, coreSec: phase.coreSec, maxCores: phase.maxCores }, nowMs);
        this.cpuMs[agent.cpu] = (this.cpuMs[agent.cpu] as number) + phase.coreSec * 1_000;
        this.due.set(this.agents.length + agent.cpu, cpu.nextDueMs());
        return;
      }
      case "ollama":
        if (agent.endpoint < 0) this.send(index, agent, phase, nowMs);
        else this.askEndpoint(index, agent, phase, nowMs);
        return;
      case "claude":
        this.send(index, agent, phase, nowMs);
        return;
    }
  }

  private finish(index: number, agent: Agent, nowMs: number, failed = false): void {
    const { settleMs, measureMs, onTask } = this.simulation;
    const seconds = (nowMs - agent.beganMs) / 1_000;
    if (onTask?.({ number: agent.plan?.number ?? 0, seconds, failed })) this.endMs = nowMs;
    const batch = Math.floor(((nowMs - settleMs) / measureMs) * BATCHES);
    if (!failed && batch >= 0 && batch < BATCHES) {
      this.batchTasks[batch] = (this.batchTasks[batch] as number) + 1;
      this.batchSeconds[batch] = (this.batchSeconds[batch] as number) + seconds;
    }
    agent.stage = "begin";
    this.begin(index, agent, nowMs);
  }

  private askEndpoint(index: number, agent: Agent, phase: Extract<WorkPhase, { kind: "ollama" }>, nowMs: number): void {
    const line = this.lines[agent.line];
    if (line?.isRemote) line.uplink.send(this.frameBytes(phase.outputTokens), nowMs);
    this.due.set(index, Number.POSITIVE_INFINITY);
    const machine = this.endpoints[agent.endpoint] as EndpointMachine;
    const request = {
      id: agent.name,
      model: machine.model,
      promptTokens: phase.promptTokens,
      outputTokens: phase.outputTokens,
      conversation: `${agent.plan?.number ?? 0}`,
    };
    this.settleEndpoint(agent.endpoint, machine.request(request, nowMs), nowMs);
  }

  private send(index: number, agent: Agent, phase: { promptTokens: number; outputTokens: number }, nowMs: number): void {
    const line = this.lines[agent.line] as (typeof this.lines)[number];
    const frames = line.isRemote ? this.frameBytes(phase.outputTokens) : 0;
    const { arrivesMs } = line.uplink.send(phase.promptTokens * CHARACTERS_PER_TOKEN + frames, nowMs);
    agent.stage = "sent";
    this.due.set(index, arrivesMs);
  }

  private frameBytes(outputTokens: number): number {
    return (outputTokens / FRAME_TOKENS_PER_SEC) * this.simulation.framesPerSec * FRAME_BYTES;
  }

  private askApi(index: number, agent: Agent, nowMs: number): void {
    const phase = agent.plan?.phases[agent.phase - 1];
    if (phase?.kind !== "claude" && phase?.kind !== "ollama") throw new Error("an agent asks the API outside of a step");
    const answer = this.api.ask(
      {
        session: agent.plan?.session ?? 0,
        lastStepMs: agent.lastStepMs,
        promptTokens: phase.promptTokens,
        newTokens: phase.newTokens,
        lastOutputTokens: agent.lastOutputTokens,
        outputTokens: phase.outputTokens,
        maxTokens: phase.kind === "claude" ? phase.maxTokens : FALLBACK_MAX_TOKENS,
      },
      nowMs,
    );
    if (!answer.ok) {
      if (agent.refusals++ >= (this.simulation.apiRetries ?? Number.POSITIVE_INFINITY)) this.finish(index, agent, nowMs, true);
      else this.due.set(index, nowMs + answer.retryAfterMs);
      return;
    }
    agent.refusals = 0;
    agent.reservedTokens = answer.reservedTokens;
    agent.lastStepMs = nowMs;
    agent.lastOutputTokens = phase.outputTokens;
    agent.stage = "answered";
    const delayMs = this.lines[agent.line]?.delayMs ?? 0;
    this.due.set(index, nowMs + answer.answerMs + delayMs);
  }

  private answered(index: number, agent: Agent, nowMs: number): void {
    this.api.end(agent.reservedTokens, agent.lastOutputTokens, nowMs);
    agent.stage = "phase";
    this.startPhase(index, agent, nowMs);
  }

  private cpuDue(which: number, nowMs: number): void {
    const cpu = this.cpus[which] as HostCpu;
    for (const name of cpu.advance(nowMs)) this.startPhase(Number(name), this.agents[Number(name)] as Agent, nowMs);
    this.due.set(this.agents.length + which, cpu.nextDueMs());
  }

  private endpointDue(which: number, nowMs: number): void {
    const machine = this.endpoints[which] as EndpointMachine;
    this.settleEndpoint(which, machine.advance(nowMs), nowMs);
  }

  private settleEndpoint(which: number, effects: ReturnType<EndpointMachine["advance"]>, nowMs: number): void {
    const machine = this.endpoints[which] as EndpointMachine;
    this.due.set(this.agents.length + this.cpus.length + which, machine.dueMs);
    for (const effect of effects) {
      if (effect.type === "finished") this.startPhase(Number(effect.id), this.agents[Number(effect.id)] as Agent, nowMs);
    }
  }

  private result(): SimulatedFleet {
    const { measureMs } = this.simulation;
    const hours = measureMs / BATCHES / 3_600_000;
    const tasks = this.batchTasks.reduce((sum, count) => sum + count, 0);
    const perHour = Array.from(this.batchTasks, (count) => count / hours);
    const seconds = Array.from(this.batchTasks, (count, batch) =>
      count > 0 ? (this.batchSeconds[batch] as number) / count : 0,
    );
    const busy = new Map<string, { sum: number; count: number }>();
    const add = (name: string, share: number) => {
      const known = busy.get(name) ?? { sum: 0, count: 0 };
      busy.set(name, { sum: known.sum + share, count: known.count + 1 });
    };
    this.cpus.forEach((cpu, index) =>
      add(this.cpuNames[index] ?? "cpu", (this.cpuMs[index] as number) / cpu.cores / this.endMs),
    );
    this.endpoints.forEach((machine, index) => add(this.endpointNames[index] ?? "gpu", machine.totalBusyMs / this.endMs));
    add("hub", this.hubBusyMs / this.endMs);
    return {
      tasksPerHour: batchMeans(perHour, "tasks/h"),
      taskSeconds: batchMeans(seconds, "s"),
      tasks,
      events: this.events,
      refusals: this.api.refusals,
      utilisation: [...busy].map(([name, { sum, count }]) => ({ name, share: sum / count })),
    };
  }
}

/** Tokens a second of an answer, to turn its tokens into progress frames: between a card's 120 and the API's 50 to 100. */
const FRAME_TOKENS_PER_SEC = 90;
/** Of a standard task that falls back to the API. */
const FALLBACK_MAX_TOKENS = 8_192;

function newAgent(index: number, where: { cpu: number; endpoint: number; line: number }): Agent {
  return {
    name: `${index}`,
    ...where,
    stage: "begin",
    plan: undefined,
    phase: 0,
    beganMs: 0,
    lastStepMs: Number.NEGATIVE_INFINITY,
    lastOutputTokens: 0,
    reservedTokens: 0,
    refusals: 0,
  };
}
