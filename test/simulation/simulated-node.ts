/** One node of the sharded hub: its real desk, roster and reports, in a simulated process between simulated wires. */
import { draftOf } from "@hubscale/hub-core";
import { Refused, type TaskChange, type TaskReportFrame } from "@hubscale/hub-runtime";
import {
  type AgentLine,
  bytesAbove,
  ConnectedAgent,
  HubMetrics,
  LocalRoster,
  refuseAbove,
  TaskReports,
} from "@hubscale/hub-runtime/testing";
import { type Broadcast, type BroadcastTopic, isEngineRefusal, ShardedTaskDesk } from "@hubscale/hub-sharded";
import { LIMITS, type SubmitTaskBody } from "@hubscale/protocol";
import type { Random } from "@hubscale/sidecar-sim";
import { type CallFaultOf, UnknownError } from "./call-faults.ts";
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
  /** Which calls of the port to the engine fail. */
  faultOf: CallFaultOf;
  /** It ended by itself; its connections are gone. */
  onEnded(node: SimulatedNode): void;
}

/** The node's end of an agent's connection. */
export interface NodeEnd {
  receive(frame: TaskReportFrame): void;
  closed(): void;
}

const START_AGAIN_MS = 1_000;
/** Of a hub over the smallest engine on which one starts. */
export const DOCUMENT_BYTES = LIMITS.documentBytesMin;
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
  #isDeaf = false;

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

  /** Messages of the other nodes are lost on their way to this one. */
  deafen(forMs: number): void {
    this.#isDeaf = true;
    this.#options.world.after(forMs, () => {
      this.#isDeaf = false;
    });
  }

  /** The id; undefined: it was not acknowledged. */
  async submit(body: SubmitTaskBody): Promise<string | undefined> {
    const { desk } = this.#running;
    const draft = draftOf(body, "submitter");
    const submitted = await this.#unlessRefused(async () => {
      refuseAbove(DOCUMENT_BYTES, draft, JSON.stringify(body).length);
      return desk.submit(draft);
    });
    return submitted?.ok ? submitted.task.id : undefined;
  }

  command(taskId: string, command: "cancel" | "retry"): Promise<TaskChange | undefined> {
    return this.#unlessRefused(() => this.#running.desk.command(taskId, command));
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
            return reports.handle(agent, frame, largeBytesOf(frame));
          })
          .catch((error: unknown) => {
            if (!(error instanceof Refused)) return this.#broken(error);
            line.send({ type: "error", error: error.code, limit_bytes: error.limitBytes });
          });
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
    const backbone = simulatedBackbone({
      node: this.name,
      link,
      shards,
      nextToken,
      broadcast: this.#broadcast(listeners),
      faultOf: (name) => (process.isAlive ? this.#options.faultOf({ node: this.name, name }) : undefined),
    });
    const onFault = (error: unknown) => {
      if (process.isAlive) this.#broken(error);
    };
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
      documentBytes: DOCUMENT_BYTES,
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
        if (!isEngineRefusal(error)) return this.#broken(error);
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
        if (!node.#running.link.isCut && !(node.#isDeaf && node !== this)) node.process.enter(() => tell(node));
      });
    }
  }

  async #unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      const answered = await answerOf(ask());
      return answered.isAnswered ? answered.value : undefined;
    } catch (error) {
      this.#broken(error);
      return undefined;
    }
  }

  #supersede(agentId: string, connectedAt: number): void {
    const { roster } = this.#running;
    const agent = roster.get(agentId);
    if (agent && agent.connectedAt < connectedAt) roster.supersede(agent);
  }

  /** Ends it, as an error that nobody knows must; somebody starts it again. Of the hub's own errors there must be none. */
  #broken(error: unknown): void {
    if (error instanceof UnknownError) {
      this.kill(START_AGAIN_MS);
      this.#options.onEnded(this);
      return;
    }
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
    if (isEngineRefusal(error)) return { isAnswered: false };
    throw error;
  }
}

/** As the edge measures a result. */
function largeBytesOf(frame: TaskReportFrame): number {
  if (frame.type !== "task_complete") return 0;
  const { result, verification_history, verification_report } = frame;
  return bytesAbove(LIMITS.resultBytes, [result, verification_report, verification_history], JSON.stringify(frame).length);
}

function hexOf(random: Random, byteCount: number): string {
  let hex = "";
  while (hex.length < byteCount * 2)
    hex += Math.floor(random() * 0x1_0000)
      .toString(16)
      .padStart(4, "0");
  return hex.slice(0, byteCount * 2);
}
