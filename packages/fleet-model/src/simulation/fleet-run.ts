/** One run of `simulateFleet`: its parties, their events, and what is counted. */
import { CHARACTERS_PER_TOKEN } from "../agent-workload.ts";
import { endpointOf } from "../closed-form/gpu-round.ts";
import { agentsOf, type FleetShape } from "../decision/fleet-shape.ts";
import { HostCpu } from "../host-cpu.ts";
import { NETWORK_PATHS } from "../network-path.ts";
import { type Random, seededRandom } from "../random.ts";
import { PHASE, TaskWalk, willAskOllama } from "../task-walk.ts";
import { Uplink } from "../uplink.ts";
import { AgentRecords, BYTE, DOUBLE, type HostPlan, INT, rowOf, STAGE } from "./agent-records.ts";
import { ApiAccount } from "./api-account.ts";
import { BATCHES, batchMeans } from "./batch-means.ts";
import { DueTimes } from "./due-times.ts";
import { EndpointMachine } from "./endpoint-machine.ts";
import { FleetEndpoints } from "./fleet-endpoints.ts";
import type { FleetSimulation, SimulatedFleet } from "./simulate-fleet.ts";
import { startTimesMs } from "./start-times.ts";

const LINE_BURST_BYTES = 32_000;
/** JSON of a progress frame and its WebSocket header; many share a packet's cost here, since bytes are what counts. */
const FRAME_BYTES = 158;
/** Tokens a second of an answer, to turn its tokens into progress frames: between a card's 120 and the API's 50 to 100. */
const FRAME_TOKENS_PER_SEC = 90;
/** Of a standard task that falls back to the API. */
const FALLBACK_MAX_TOKENS = 8_192;

interface Line {
  uplink: Uplink;
  isRemote: boolean;
  delayMs: number;
}

export class FleetRun {
  private readonly simulation: FleetSimulation;
  private readonly random: Random;
  /** Who may be due: agents by their numbers, behind them the hosts' cores, then the endpoints. */
  private readonly firstCpu: number;
  private readonly firstEndpoint: number;
  private readonly records: AgentRecords;
  private readonly walk: TaskWalk;
  private readonly cpus: HostCpu<number>[] = [];
  private readonly cpuNames: string[] = [];
  /** By host. 1: all its agents at once leave cores over, so that none ever waits for another's. */
  private readonly isRoomy: Uint8Array;
  private readonly endpoints: FleetEndpoints;
  /** By host. */
  private readonly lines: Line[] = [];
  private readonly api: ApiAccount;
  private readonly due: DueTimes;
  private readonly maxTokens: number;
  private readonly retries: number;
  private endMs: number;
  private readonly batchTasks = new Float64Array(BATCHES);
  private readonly batchSeconds = new Float64Array(BATCHES);
  private readonly cpuMs: Float64Array;
  private readonly ended: number[] = [];
  private hubFreeMs = 0;
  private hubBusyMs = 0;
  private tasksBegun = 0;
  private events = 0;
  protected glanced = 0;

  constructor(simulation: FleetSimulation) {
    const { fleet, mix, seed, settleMs, measureMs } = simulation;
    this.simulation = simulation;
    this.random = seededRandom(seed, 1);
    this.walk = new TaskWalk(mix, seed);
    this.maxTokens = mix.complex?.maxTokens ?? FALLBACK_MAX_TOKENS;
    this.retries = simulation.apiRetries ?? Number.POSITIVE_INFINITY;
    this.endMs = settleMs + measureMs;
    const agents = agentsOf(fleet);
    this.endpoints = new FleetEndpoints(
      fleet.hosts.flatMap(({ gpu, count }) => (gpu ? { endpoint: endpointOf(gpu), count } : [])),
    );
    this.records = new AgentRecords(this.build(fleet));
    this.firstCpu = agents;
    this.firstEndpoint = agents + this.cpus.length;
    this.api = new ApiAccount(fleet.api, {
      random: seededRandom(seed, 2),
      times: simulation.apiAccounts ?? 1,
      sessionsAtOnce: agents,
    });
    this.cpuMs = new Float64Array(this.cpus.length);
    const widest = Math.max(1, mix.trivial?.maxCores ?? 1);
    const roomOf = ({ count, cores, agents: jobs }: FleetShape["hosts"][number]) =>
      Array.from({ length: count }, () => Number(jobs * widest <= cores));
    this.isRoomy = Uint8Array.from(fleet.hosts.flatMap(roomOf));
    this.due = new DueTimes(this.firstEndpoint + this.endpoints.count, (due, count) => this.glance(due, count));
    startTimesMs({ agents, seed, settleMs }).forEach((startMs, agent) => this.due.set(agent, startMs));
  }

  run(): SimulatedFleet {
    const { due, firstCpu, firstEndpoint } = this;
    for (;;) {
      const party = due.next(this.endMs);
      if (party < 0) return this.result();
      const { nowMs } = due;
      this.events++;
      if (party < firstCpu) this.proceed(party, rowOf(party), nowMs);
      else if (party < firstEndpoint) this.cpuDue(party - firstCpu, nowMs);
      else this.endpointDue(party - firstEndpoint, nowMs);
    }
  }

  /**
   * Reads what the events of a day will need, of all of them at once: none of these reads waits for another, where the events
   * themselves would wait for memory one after the other. The sum is kept, or the reads would be left out as useless.
   */
  private glance(due: readonly number[], count: number): void {
    const { firstCpu, firstEndpoint, cpuMs, records, endpoints } = this;
    let sum = 0;
    for (let at = 0; at < count; at++) {
      const party = due[at] as number;
      if (party < firstCpu) sum += records.glance(party);
    }
    for (let at = 0; at < count; at++) {
      const party = due[at] as number;
      if (party >= firstEndpoint) sum += endpoints.glance(party - firstEndpoint);
      else if (party < firstCpu) {
        sum += cpuMs[records.hostOf(party)] as number;
        const endpoint = records.endpointOf(party);
        if (endpoint >= 0 && willAskOllama(records.bytes, 8 * rowOf(party) + BYTE.walk)) sum += endpoints.glance(endpoint);
      }
    }
    // An endpoint's event is mostly one of the agent whose request is finished.
    for (let at = 0; at < count; at++) {
      const party = due[at] as number;
      if (party < firstEndpoint) continue;
      const machine = endpoints.turnedTo(party - firstEndpoint);
      for (let slot = 0; slot < machine.slots; slot++) sum += records.glance(machine.lastIdOf(slot));
    }
    this.glanced = sum;
  }

  private lineOf(agent: number): Line {
    return this.lines[this.records.hostOf(agent)] as Line;
  }

  private save(row: number): void {
    this.walk.save(this.records, row + DOUBLE.walk, 2 * row + INT.walk, 8 * row + BYTE.walk);
  }

  private load(row: number): void {
    this.walk.load(this.records, row + DOUBLE.walk, 2 * row + INT.walk, 8 * row + BYTE.walk);
  }

  private build(fleet: FleetShape): HostPlan[] {
    const lineOfSite = new Map<string, Line>();
    for (const { name, upMbitPerSec, delayMs, hub } of fleet.sites) {
      const path = NETWORK_PATHS.plain;
      const uplink = new Uplink({ bitsPerSec: upMbitPerSec * 1e6, burstBytes: LINE_BURST_BYTES, delayMs, path });
      lineOfSite.set(name, { uplink, isRemote: hub === "remote", delayMs });
    }
    return fleet.hosts.flatMap(({ count, name, cores, agents, site, gpu }) => {
      const endpoint = gpu && endpointOf(gpu);
      const machine = endpoint && new EndpointMachine(endpoint, this.endpoints.rows);
      return Array.from({ length: count }, (): HostPlan => {
        const line = lineOfSite.get(site);
        if (!line) throw new Error(`no site '${site}'`);
        this.lines.push(line);
        this.cpus.push(new HostCpu<number>(cores, 0));
        this.cpuNames.push(`cpu ${name}`);
        if (endpoint && machine) this.endpoints.add(`gpu ${name}`, endpoint, machine);
        return { agents, hasEndpoint: endpoint !== null };
      });
    });
  }

  private proceed(party: number, row: number, nowMs: number): void {
    const { ints, bytes } = this.records;
    switch (bytes[8 * row + BYTE.stage] as number) {
      case STAGE.begin:
        this.begin(party, row, nowMs);
        return;
      case STAGE.phase:
        this.startPhase(party, row, nowMs);
        return;
      case STAGE.sent:
        this.askApi(party, row, nowMs);
        return;
      default:
        this.api.end(ints[2 * row + INT.reservedTokens] as number, ints[2 * row + INT.lastOutputTokens] as number, nowMs);
        bytes[8 * row + BYTE.stage] = STAGE.phase;
        this.startPhase(party, row, nowMs);
    }
  }

  private begin(party: number, row: number, nowMs: number): void {
    const { walk } = this;
    const { doubles, ints, bytes, beganMs } = this.records;
    const { hub, framesPerSec } = this.simulation;
    const number = this.tasksBegun++;
    // The hub's work for a task, its progress frames included, as one visit.
    const frames = framesPerSec * hub.frameMs > 0 ? (this.outputTokensOf(number) / FRAME_TOKENS_PER_SEC) * framesPerSec : 0;
    const serviceMs = -Math.log(1 - this.random()) * (hub.taskMs + frames * hub.frameMs);
    this.hubFreeMs = Math.max(this.hubFreeMs, nowMs) + serviceMs;
    this.hubBusyMs += serviceMs;
    walk.begin(number);
    this.save(row);
    beganMs[party] = nowMs;
    doubles[row + DOUBLE.lastStepMs] = Number.NEGATIVE_INFINITY;
    ints[2 * row + INT.lastOutputTokens] = 0;
    ints[2 * row + INT.refusals] = 0;
    bytes[8 * row + BYTE.stage] = STAGE.phase;
    this.due.set(party, this.hubFreeMs + hub.latencyMs);
  }

  /** Of a whole task, which is drawn once more for it. */
  private outputTokensOf(number: number): number {
    const { walk } = this;
    walk.begin(number);
    let tokens = 0;
    for (let kind = walk.next(); kind !== PHASE.end; kind = walk.next()) {
      if (kind === PHASE.ollama || kind === PHASE.claude) tokens += walk.outputTokens;
    }
    return tokens;
  }

  private startPhase(party: number, row: number, nowMs: number): void {
    const { walk } = this;
    this.load(row);
    const kind = walk.next();
    if (kind === PHASE.end) {
      this.finish(party, row, nowMs, false);
      return;
    }
    if (kind === PHASE.cpu && this.isRoomy[this.records.hostOf(party)] === 1) {
      this.workAlone(party, row, nowMs);
      return;
    }
    this.save(row);
    switch (kind) {
      case PHASE.wait:
        this.due.set(party, nowMs + walk.waitMs);
        return;
      case PHASE.cpu: {
        this.due.set(party, Number.POSITIVE_INFINITY);
        const host = this.records.hostOf(party);
        const cpu = this.cpus[host] as HostCpu<number>;
        cpu.start({ id: party, coreSec: walk.coreSec, maxCores: walk.maxCores }, nowMs);
        this.cpuMs[host] = (this.cpuMs[host] as number) + walk.coreSec * 1_000;
        this.due.set(this.firstCpu + host, cpu.nextDueMs());
        return;
      }
      case PHASE.ollama:
        if (this.records.endpointOf(party) < 0) this.send(party, row, nowMs);
        else this.askEndpoint(party, nowMs);
        return;
      case PHASE.claude:
        this.send(party, row, nowMs);
        return;
    }
  }

  /** The CPU phase that the walk has just named, on a host with a core for everybody: when it ends is known, and the wait behind it. */
  private workAlone(party: number, row: number, nowMs: number): void {
    const { walk } = this;
    const host = this.records.hostOf(party);
    const coreMs = walk.coreSec * 1_000;
    this.cpuMs[host] = (this.cpuMs[host] as number) + coreMs;
    const endsMs = nowMs + coreMs / walk.maxCores;
    if (walk.next() !== PHASE.wait) throw new Error("a tool without its wait");
    this.save(row);
    this.due.set(party, endsMs + walk.waitMs);
  }

  private finish(party: number, row: number, nowMs: number, failed: boolean): void {
    const { settleMs, measureMs, onTask } = this.simulation;
    const seconds = (nowMs - (this.records.beganMs[party] as number)) / 1_000;
    if (onTask?.({ number: this.walk.number, seconds, failed })) this.endMs = nowMs;
    const batch = Math.floor(((nowMs - settleMs) / measureMs) * BATCHES);
    if (!failed && batch >= 0 && batch < BATCHES) {
      this.batchTasks[batch] = (this.batchTasks[batch] as number) + 1;
      this.batchSeconds[batch] = (this.batchSeconds[batch] as number) + seconds;
    }
    this.begin(party, row, nowMs);
  }

  /** The request that the walk has just named. */
  private askEndpoint(party: number, nowMs: number): void {
    const { walk } = this;
    const line = this.lineOf(party);
    if (line.isRemote) line.uplink.send(this.frameBytes(walk.outputTokens), nowMs);
    this.due.set(party, Number.POSITIVE_INFINITY);
    const endpoint = this.records.endpointOf(party);
    const machine = this.endpoints.turnedTo(endpoint);
    const request = {
      id: party,
      model: machine.model,
      promptTokens: walk.promptTokens,
      outputTokens: walk.outputTokens,
      conversation: walk.number,
    };
    const ended: number[] = [];
    machine.request(request, nowMs, ended);
    this.goOnAfter(endpoint, machine, ended, nowMs);
  }

  private send(party: number, row: number, nowMs: number): void {
    const { walk } = this;
    const line = this.lineOf(party);
    const frames = line.isRemote ? this.frameBytes(walk.outputTokens) : 0;
    const { arrivesMs } = line.uplink.send(walk.promptTokens * CHARACTERS_PER_TOKEN + frames, nowMs);
    this.records.bytes[8 * row + BYTE.stage] = STAGE.sent;
    this.due.set(party, arrivesMs);
  }

  private frameBytes(outputTokens: number): number {
    return (outputTokens / FRAME_TOKENS_PER_SEC) * this.simulation.framesPerSec * FRAME_BYTES;
  }

  private askApi(party: number, row: number, nowMs: number): void {
    const { walk } = this;
    const { doubles, ints, bytes } = this.records;
    this.load(row);
    const answer = this.api.ask(
      {
        session: walk.session,
        lastStepMs: doubles[row + DOUBLE.lastStepMs] as number,
        promptTokens: walk.promptTokens,
        newTokens: walk.newTokens,
        lastOutputTokens: ints[2 * row + INT.lastOutputTokens] as number,
        outputTokens: walk.outputTokens,
        maxTokens: walk.isComplex ? this.maxTokens : FALLBACK_MAX_TOKENS,
      },
      nowMs,
    );
    if (!answer.ok) {
      const refusals = (ints[2 * row + INT.refusals] as number) + 1;
      ints[2 * row + INT.refusals] = refusals;
      if (refusals > this.retries) this.finish(party, row, nowMs, true);
      else this.due.set(party, nowMs + answer.retryAfterMs);
      return;
    }
    ints[2 * row + INT.refusals] = 0;
    ints[2 * row + INT.reservedTokens] = answer.reservedTokens;
    doubles[row + DOUBLE.lastStepMs] = nowMs;
    ints[2 * row + INT.lastOutputTokens] = walk.outputTokens;
    bytes[8 * row + BYTE.stage] = STAGE.answered;
    this.due.set(party, nowMs + answer.answerMs + this.lineOf(party).delayMs);
  }

  private cpuDue(host: number, nowMs: number): void {
    const cpu = this.cpus[host] as HostCpu<number>;
    const { ended } = this;
    ended.length = 0;
    cpu.advance(nowMs, ended);
    for (const agent of ended) this.startPhase(agent, rowOf(agent), nowMs);
    this.due.set(this.firstCpu + host, cpu.nextDueMs());
  }

  private endpointDue(endpoint: number, nowMs: number): void {
    const ended: number[] = [];
    const machine = this.endpoints.turnedTo(endpoint);
    machine.advance(nowMs, ended);
    this.goOnAfter(endpoint, machine, ended, nowMs);
  }

  /** What those do next whose requests an endpoint has finished. */
  private goOnAfter(endpoint: number, machine: EndpointMachine, ended: number[], nowMs: number): void {
    this.due.set(this.firstEndpoint + endpoint, machine.dueMs);
    for (let at = 0; at < ended.length; at++) {
      // A whole number that comes out of an array of doubles.
      const agent = (ended[at] as number) | 0;
      this.startPhase(agent, rowOf(agent), nowMs);
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
    this.endpoints.names.forEach((name, endpoint) => add(name, this.endpoints.turnedTo(endpoint).totalBusyMs / this.endMs));
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
