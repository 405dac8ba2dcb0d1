/** An agent's connection to a node: frames in order each way, lost with it when it breaks. */
import type { TaskReportFrame } from "@hubscale/hub-runtime";
import type { HubFrame } from "@hubscale/protocol";
import type { Random } from "@hubscale/sidecar-sim";
import type { NodeEnd, SimulatedNode } from "./simulated-node.ts";
import type { World } from "./world.ts";

export interface AgentConnectionOptions {
  world: World;
  random: Random;
  node: SimulatedNode;
  agentId: string;
  hear(frame: HubFrame): void;
  /** The other side has closed it, or is gone. */
  onClosed(): void;
}

/** One frame in so many is late, and all behind it. */
const LATE_ONE_IN = 40;
const LATE_UP_TO_MS = 800;
/** So late does a node see at the latest that a connection is broken. */
const HALF_OPEN_UP_TO_MS = 6_000;

export class AgentConnection {
  readonly node: SimulatedNode;
  readonly #options: AgentConnectionOptions;
  readonly #process: SimulatedNode["process"];
  #end: NodeEnd | undefined;
  #isOpen = true;
  /** The node learns later that it is not. */
  #isOpenAtNode = true;
  #lastToNodeMs = 0;
  #lastToAgentMs = 0;

  constructor(options: AgentConnectionOptions) {
    const { agentId, node, world } = options;
    this.node = node;
    this.#options = options;
    this.#process = node.process;
    world.after((this.#lastToNodeMs = this.#later(0)) - world.nowMs, () => {
      if (!node.isAccepting || node.process !== this.#process) return this.closedByNode();
      this.#process.enter(() => {
        if (this.#isOpen) this.#end = node.accept(agentId, this.#line());
      });
    });
  }

  send(frame: TaskReportFrame): void {
    this.#toNode(() => this.#end?.receive(frame));
  }

  /** What is on its way is lost. The agent knows at once, the node some time later. */
  breakDown(): void {
    this.#isOpen = false;
    const { random, world } = this.#options;
    world.after(random() * HALF_OPEN_UP_TO_MS, () => {
      this.#isOpenAtNode = false;
      this.#process.enter(() => this.#end?.closed());
    });
  }

  /** The node has closed it, or died. */
  closedByNode(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.world.after(1, () => this.#options.onClosed());
  }

  #line() {
    const send = (frame: HubFrame) => {
      const { hear, world } = this.#options;
      this.#lastToAgentMs = this.#later(this.#lastToAgentMs);
      world.after(this.#lastToAgentMs - world.nowMs, () => this.#isOpen && hear(frame));
    };
    const isOpen = () => this.#isOpenAtNode;
    return {
      get isOpen() {
        return isOpen();
      },
      send,
      sendBytes: (frame: Buffer) => send(JSON.parse(frame.toString()) as HubFrame),
      close: () => {
        this.#isOpenAtNode = false;
        this.#end?.closed();
        this.closedByNode();
      },
    };
  }

  #toNode(run: () => void): void {
    const { world } = this.#options;
    this.#lastToNodeMs = this.#later(this.#lastToNodeMs);
    world.after(this.#lastToNodeMs - world.nowMs, () => this.#isOpen && this.#process.enter(run));
  }

  #later(lastMs: number): number {
    const { random, world } = this.#options;
    const delayMs = random() < 1 / LATE_ONE_IN ? random() * LATE_UP_TO_MS : random() * 5;
    return Math.max(lastMs, world.nowMs + delayMs);
  }
}
