import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ConnectOutcome, FleetCounters, SidecarBehaviour, SidecarEvent } from "@hubscale/sidecar-sim";
import type { AgentFleet } from "./agent-fleet.ts";
import { EventMerge } from "./event-merge.ts";
import { type FleetCommand, type FleetProcessState, type FleetReply, sharedClockOffsetMs } from "./fleet-process-protocol.ts";
import type { ProcessLoad } from "./process-load.ts";

export interface ProcessFleetOptions {
  processes: number;
  wsUrls: readonly string[];
  agents: readonly { agentId: string; token: string }[];
  behaviour: SidecarBehaviour;
  seed: number;
  timeScale: number;
  jitter: boolean;
  /** In the order of their times over all processes, some hundredths of a second late. */
  onEvent(event: SidecarEvent): void;
}

interface Part {
  child: ChildProcess;
  firstAgent: number;
  agents: ProcessFleetOptions["agents"];
  state: FleetProcessState | undefined;
  ended: Promise<void>;
  settle: ((outcome: ConnectOutcome) => void) | undefined;
}

/** One generator's agents in several processes, for more of them than one process may open files for or one core can drive. */
export class ProcessFleet implements AgentFleet {
  readonly #options: ProcessFleetOptions;
  readonly #parts: Part[];
  readonly #merge: EventMerge;
  readonly #offsetMs = sharedClockOffsetMs();
  #closing = false;

  constructor(options: ProcessFleetOptions) {
    this.#options = options;
    this.#merge = new EventMerge(options.processes, (event) => options.onEvent(event));
    this.#parts = Array.from({ length: options.processes }, (_, index) => this.#start(index));
  }

  get size(): number {
    return this.#options.agents.length;
  }

  get online(): number {
    return this.#sum(({ online }) => online);
  }

  get busy(): number {
    return this.#sum(({ busy }) => busy);
  }

  /** Of each process since its agents were connected. */
  get loads(): ProcessLoad[] {
    return this.#parts.flatMap(({ state }) => state?.load ?? []);
  }

  counters(): FleetCounters {
    const counters = (key: keyof FleetCounters) => this.#sum((state) => state.counters[key]);
    return {
      framesIn: counters("framesIn"),
      framesOut: counters("framesOut"),
      presenceFrames: counters("presenceFrames"),
      bytesIn: counters("bytesIn"),
      bytesOut: counters("bytesOut"),
      wireBytesIn: counters("wireBytesIn"),
      wireBytesOut: counters("wireBytesOut"),
    };
  }

  setBehaviour(behaviour: SidecarBehaviour): void {
    for (const part of this.#parts) say(part, { kind: "behaviour", behaviour });
  }

  /** As `SidecarFleet.connect`; all processes connect at once. */
  async connect(limitMs: number, signal?: AbortSignal): Promise<ConnectOutcome> {
    const startedMs = performance.now();
    const { wsUrls, behaviour, seed, timeScale, jitter } = this.#options;
    const outcomes = await Promise.all(
      this.#parts.map(
        (part, index) =>
          new Promise<ConnectOutcome>((resolve) => {
            part.settle = resolve;
            signal?.addEventListener("abort", () => resolve(notConnected("stopped", "")), { once: true });
            if (signal?.aborted) resolve(notConnected("stopped", ""));
            const { agents } = part;
            say(part, { kind: "connect", wsUrls, agents, behaviour, seed: seed + index, timeScale, jitter, limitMs });
          }),
      ),
    );
    const identified = outcomes.reduce(
      (sum, outcome, index) => sum + (outcome.ok ? (this.#parts[index]?.agents.length ?? 0) : outcome.identified),
      0,
    );
    const failed = outcomes.find((outcome) => !outcome.ok);
    if (failed && !failed.ok) return { ...failed, identified };
    return { ok: true, ms: performance.now() - startedMs };
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const part of this.#parts) say(part, { kind: "close" });
    await Promise.all(this.#parts.map((part) => part.ended));
  }

  #start(index: number): Part {
    const { agents, processes } = this.#options;
    const firstAgent = Math.floor((agents.length * index) / processes);
    const child = fork(fileURLToPath(new URL("./fleet-process-main.js", import.meta.url)), [], {
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const part: Part = {
      child,
      firstAgent,
      agents: agents.slice(firstAgent, Math.floor((agents.length * (index + 1)) / processes)),
      state: undefined,
      settle: undefined,
      ended: new Promise((resolve) => {
        child.once("exit", (code, signal) => {
          this.#merge.end(index);
          const detail = `process ${index + 1} of the fleet ended (${signal ?? `exit ${code}`})`;
          part.settle?.(notConnected("unreachable", detail));
          resolve();
          // Its agents are gone; going on would measure a smaller fleet than the one asked for.
          if (!this.#closing && part.state) throw new Error(detail);
        });
      }),
    };
    child.on("message", (reply: FleetReply) => this.#heard(part, index, reply));
    return part;
  }

  #heard(part: Part, index: number, reply: FleetReply): void {
    switch (reply.kind) {
      case "closed":
        return;
      case "connected":
        part.settle?.(reply.outcome);
        return;
      case "news": {
        part.state = reply.state ?? part.state;
        const events = reply.events.map((event) => ({
          ...event,
          agent: event.agent + part.firstAgent,
          atMs: event.atMs - this.#offsetMs,
        }));
        this.#merge.add(index, events, reply.completeUntilMs - this.#offsetMs);
      }
    }
  }

  #sum(of: (state: FleetProcessState) => number): number {
    return this.#parts.reduce((sum, { state }) => sum + (state ? of(state) : 0), 0);
  }
}

function say({ child }: Part, command: FleetCommand): void {
  if (child.connected) child.send(command);
}

function notConnected(code: "stopped" | "unreachable", detail: string): ConnectOutcome {
  return { ok: false, code, identified: 0, detail };
}
