/** One node of the sharded hub: its real desk, roster and reports, in a simulated process between simulated wires. */
import { draftOf } from "@hubscale/hub-core";
import { type TaskChange, type TaskReportFrame, Unavailable } from "@hubscale/hub-runtime";
import { type AgentLine, ConnectedAgent, HubMetrics, LocalRoster, TaskReports } from "@hubscale/hub-runtime/testing";
import { type Broadcast, type BroadcastTopic, ShardedTaskDesk } from "@hubscale/hub-sharded";
import { LIMITS, type SubmitTaskBody } from "@hubscale/protocol";
import type { Random } from "@hubscale/sidecar-sim";
import type { Chance } from "./chance.ts";
import { EngineLink } from "./engine-link.ts";
import type { History } from "./history.ts";
import { simulatedBackbone } from "./simulated-backbone.ts";
import type { SimulatedEngine } from "./simulated-engine.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

export interface SimulatedNodeOptions {
  name: string;
  world: World;
  chance: Chance;
  engine: SimulatedEngine;
  history: History;
  shards: number;
  leaseMs: number;
  /** All nodes of the hub, this one included. */
  nodes(): readonly SimulatedNode[];
  /** Rises with each connection of the hub. */
  nextConnectedAt(): number;
}

/** The node's end of an agent's connection. */
export interface NodeEnd {
  receive(frame: TaskReportFrame): void;
  closed(): void;
}

const START_AGAIN_MS = 1_000;
const metrics = new HubMetrics({
  nowMs: () => 0,
  monotonicMs: () => 0,
  after: () => () => undefined,
  every: () => () => undefined,
});

export class SimulatedNode {
  readonly name: string;
  readonly #options: SimulatedNodeOptions;
  readonly #busChance: Random;
  #running: Running;
  #starts = 0;

  constructor(options: SimulatedNodeOptions) {
    this.name = options.name;
    this.#options = options;
    this.#busChance = options.chance(`bus of ${options.name}`);
    this.#running = this.#start();
  }

  /** The present one; another after a restart. */
  get process(): SimulatedProcess {
    return this.#running.process;
  }

  get isAccepting(): boolean {
    return this.#running.process.isAlive && this.#running.isOpen;
  }

  /** The connections are the caller's to end. */
  kill(forMs: number): void {
    if (!this.process.isAlive) return;
    this.process.kill();
    this.#options.world.after(forMs, () => {
      this.#running = this.#start();
    });
  }

  cutOff(forMs: number): void {
    this.#running.link.cut(forMs);
  }

  /** The id; undefined: it was not acknowledged. */
  async submit(body: SubmitTaskBody): Promise<string | undefined> {
    const submitted = await unlessUnavailable(this.#running.desk.submit(draftOf(body, "submitter")));
    return submitted?.ok ? submitted.task.id : undefined;
  }

  command(taskId: string, command: "cancel" | "retry"): Promise<TaskChange | undefined> {
    return unlessUnavailable(this.#running.desk.command(taskId, command));
  }

  /** What the edge does when an agent has said who it is. */
  accept(agentId: string, line: AgentLine): NodeEnd {
    const { desk, reports, roster } = this.#running;
    const { nextConnectedAt } = this.#options;
    const agent = new ConnectedAgent({ type: "identify", agent_id: agentId, token: "-" }, line, nextConnectedAt());
    roster.join(agent);
    line.send({ type: "identified", agent_id: agentId });
    this.#tellOthers((node) => node.#supersede(agentId, agent.connectedAt));
    desk.notify({ type: "agent_joined", agentId });
    let isClosed = false;
    let answered = Promise.resolve();
    return {
      receive: (frame) => {
        // One frame at a time, as the socket hands them on; what is left when the connection has ended is dropped.
        answered = answered
          .then(() => {
            if (isClosed) return;
            roster.heardFrom(agent);
            return reports.handle(agent, frame);
          })
          .catch((error: unknown) => this.#broken(error));
      },
      closed: () => {
        isClosed = true;
        roster.leave(agent);
      },
    };
  }

  #start(): Running {
    const { chance, engine, shards, world } = this.#options;
    const process = new SimulatedProcess(world);
    const start = ++this.#starts;
    const link = new EngineLink({ world, random: chance(`link of ${this.name}, start ${start}`), engine, process });
    const idChance = chance(`ids of ${this.name}, start ${start}`);
    let given = 0;
    const nextToken = (agentId: string) => `${this.name} ${agentId} ${start} ${++given}`;
    const listeners = new Map<BroadcastTopic, (message: string) => void>();
    const backbone = simulatedBackbone({ node: this.name, link, shards, nextToken, broadcast: this.#broadcast(listeners) });
    const onFault = (error: unknown) => this.#broken(error);
    const roster: LocalRoster = new LocalRoster({
      clock: process.clock,
      behaviour: { warts: false, presence: "digest" },
      notify: (event) => desk.notify(event),
      reclaim: async (taskId) => {
        const reclaimed = await answerOf(desk.command(taskId, { reclaim: "acceptance_timeout" }));
        return reclaimed.isAnswered;
      },
      onAssigned: () => undefined,
    });
    const desk = new ShardedTaskDesk({
      ...this.#options,
      node: this.name,
      backbone,
      roster,
      clock: process.clock,
      randomHex: (byteCount) => hexOf(idChance, byteCount),
      endpoints: () => [],
      onFault,
      log: () => undefined,
    });
    const reports = new TaskReports({
      documentBytes: LIMITS.documentBytes,
      clock: process.clock,
      tasks: desk,
      roster,
      metrics,
      onBroken: onFault,
    });
    const running: Running = { process, link, desk, roster, reports, listeners, isOpen: false };
    desk.open().then(
      () => {
        running.isOpen = true;
      },
      (error: unknown) => {
        if (!(error instanceof Unavailable)) return this.#broken(error);
        // It says that it cannot start, and somebody starts it again.
        if (this.#running === running) this.kill(START_AGAIN_MS);
        return undefined;
      },
    );
    return running;
  }

  #broadcast(listeners: Map<BroadcastTopic, (message: string) => void>): Broadcast {
    return {
      send: (topic, message) => this.#tellAll((node) => node.#running.listeners.get(topic)?.(message)),
      async listen(topic, hear) {
        listeners.set(topic, hear);
      },
      async close(topic) {
        listeners.delete(topic);
      },
    };
  }

  #tellOthers(tell: (node: SimulatedNode) => void): void {
    this.#tellAll((node) => node !== this && tell(node));
  }

  /** Lost at a node that is cut off, at either end. */
  #tellAll(tell: (node: SimulatedNode) => void): void {
    const { nodes, world } = this.#options;
    if (this.#running.link.isCut) return;
    for (const node of nodes()) {
      world.after(this.#busChance() * 5, () => {
        if (!node.#running.link.isCut) node.process.enter(() => tell(node));
      });
    }
  }

  #supersede(agentId: string, connectedAt: number): void {
    const { roster } = this.#running;
    const agent = roster.get(agentId);
    if (agent && agent.connectedAt < connectedAt) roster.supersede(agent);
  }

  #broken(error: unknown): void {
    this.#options.history.violated(`${this.name} broke: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

interface Running {
  process: SimulatedProcess;
  link: EngineLink;
  desk: ShardedTaskDesk;
  roster: LocalRoster;
  reports: TaskReports;
  listeners: Map<BroadcastTopic, (message: string) => void>;
  isOpen: boolean;
}

async function answerOf<T>(answer: Promise<T>): Promise<{ isAnswered: true; value: T } | { isAnswered: false }> {
  try {
    return { isAnswered: true, value: await answer };
  } catch (error) {
    if (error instanceof Unavailable) return { isAnswered: false };
    throw error;
  }
}

async function unlessUnavailable<T>(answer: Promise<T>): Promise<T | undefined> {
  const answered = await answerOf(answer);
  return answered.isAnswered ? answered.value : undefined;
}

function hexOf(random: Random, byteCount: number): string {
  let hex = "";
  while (hex.length < byteCount * 2)
    hex += Math.floor(random() * 0x1_0000)
      .toString(16)
      .padStart(4, "0");
  return hex.slice(0, byteCount * 2);
}
