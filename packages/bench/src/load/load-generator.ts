import {
  type AgentPlace,
  type Clock,
  HUB_RETRY_MS_MAX,
  register,
  type SidecarEvent,
  SidecarFleet,
  type Tokens,
} from "@hubscale/sidecar-sim";
import type { AgentFleet } from "./agent-fleet.ts";
import type { ConnectCommand, FailureCode, WireCounters } from "./generator-protocol.ts";
import { type HistoryEvent, type HistoryVerdict, RunHistory } from "./history-check.ts";
import { lookUpTasks } from "./look-up.ts";
import { ProcessFleet } from "./process-fleet.ts";
import { Submitter } from "./submitter.ts";

export interface ConnectSurroundings {
  clock: Clock;
  /** Something that a person who waits should know. */
  note(text: string): void;
  /** All agents have their tokens, the first connection is about to be made. */
  registered?(): void;
  /** Tokens from an earlier run; agents that are in it are not registered again. */
  known?: Tokens;
  /** By the agent's index, where agents have work of their own. */
  placeOf?(agent: number): AgentPlace;
  signal?: AbortSignal;
}

/** `tokens`: all that are known after it, to be kept where a later run may need them. Times in milliseconds. */
export type Connected =
  | { ok: true; ms: number; registerMs: number; generator: LoadGenerator; tokens: Tokens }
  | { ok: false; code: FailureCode; detail: string; tokens: Tokens };

/** Registrations under way at once. A hub that writes its tokens durably one by one gains nothing from more. */
const REGISTRATIONS_IN_FLIGHT = 32;
/**
 * Of the tasks completed last so many are asked for at the end of a run: a hub that acknowledges before it has written loses these.
 * Fewer than an agent may ask for in a minute at a hub with the reference's rate limits (120).
 */
export const COMPLETED_LOOKED_UP = 60;
/** The time to drain itself comes from the last completion's own time. */
const DRAIN_LOOK_MS = 5;

/** The sidecars and the submitter of one hub, in one process, so that each latency starts and ends on one clock. */
export class LoadGenerator {
  readonly clock: Clock;
  readonly fleet: AgentFleet;
  readonly submitter: Submitter;
  readonly #history = new RunHistory();
  #listener: ((event: SidecarEvent) => void) | undefined;

  /** Of the agent with that index. */
  readonly agentId: (index: number) => string;
  readonly #isOurs: (agentId: string) => boolean;

  private constructor(
    clock: Clock,
    { prefix, agents }: { prefix: string; agents: number },
    submitter: Submitter,
    makeFleet: (onEvent: (event: SidecarEvent) => void) => AgentFleet,
  ) {
    this.agentId = (index) => `${prefix}-${index}`;
    this.clock = clock;
    this.submitter = submitter;
    const agentIds = new Set(Array.from({ length: agents }, (_, index) => this.agentId(index)));
    this.#isOurs = (agentId) => agentIds.has(agentId);
    this.fleet = makeFleet((event) => (this.#listener ? this.#listener(event) : this.#history.heard(event)));
  }

  /** Registers and connects the agents and a submitter. On a refusal everything that was opened is closed again. */
  static async connect(command: Omit<ConnectCommand, "kind">, around: ConnectSurroundings): Promise<Connected> {
    const { clock, signal } = around;
    const known = around.known ?? new Map<string, string>();
    const startedMs = clock.monotonicMs();
    const agentIds = Array.from({ length: command.agents }, (_, index) => `${command.prefix}-${index}`);
    const submitterId = `${command.prefix}-submitter`;
    const registration = await register({
      httpUrls: command.http,
      agentIds: [...(command.submits === false ? [] : [submitterId]), ...agentIds].filter((agentId) => !known.has(agentId)),
      requestsInFlight: REGISTRATIONS_IN_FLIGHT,
      onWait: (waitMs, done, total) =>
        around.note(
          `the hub limits registrations: ${done} of ${total} done, waiting ${Math.ceil(waitMs / 1000)} s as it asks (retry-after, at most ${HUB_RETRY_MS_MAX / 1000} s)`,
        ),
      ...(signal ? { signal } : {}),
    });
    const tokens: Tokens = new Map([...known, ...registration.tokens]);
    if (!registration.ok) {
      const code = registration.code === "taken" ? "agent_id_taken" : registration.code;
      return { ok: false, code, detail: registration.detail, tokens };
    }
    const registerMs = clock.monotonicMs() - startedMs;
    const submitter = new Submitter({
      httpUrls: command.http,
      token: tokens.get(submitterId) ?? "",
      connectionsPerNode: command.httpConnections,
    });
    const agents = agentIds.map((agentId) => ({ agentId, token: tokens.get(agentId) ?? "" }));
    const { behaviour, seed, timeScale, jitter = false, processes = 0 } = command;
    const shape = { wsUrls: command.ws, agents, behaviour, seed, timeScale, jitter };
    const places = around.placeOf ? { workplaceOf: around.placeOf } : {};
    const generator = new LoadGenerator(clock, command, submitter, (onEvent) =>
      processes > 0
        ? new ProcessFleet({ ...shape, processes, onEvent })
        : new SidecarFleet({ ...shape, capabilities: ["code"], ollamaUrl: null, clock, onEvent, ...places }),
    );
    around.registered?.();
    const connected = await generator.fleet.connect(command.limitMs, signal);
    if (connected.ok) return { ok: true, ms: connected.ms, registerMs, generator, tokens };
    await generator.close();
    const detail = `${connected.identified} of ${command.agents} agents connected; last: ${connected.detail || "no answer"}`;
    return { ok: false, code: connected.code, detail, tokens };
  }

  /** Sends the sidecars' events to `listener`, in place of an earlier one. Without one they go into the history of the whole run. */
  listen(listener: ((event: SidecarEvent) => void) | undefined): void {
    this.#listener = listener;
  }

  /** Enters an event into the history of the whole run. */
  note(event: HistoryEvent): void {
    this.#history.note(event);
  }

  /** The verdict on the whole run, after the hub was asked for what it still has of it. */
  async check(): Promise<HistoryVerdict> {
    await this.lookUpOpen(this.#history, (event) => this.#history.note(event), COMPLETED_LOOKED_UP);
    return this.#history.verdict();
  }

  /** Sums since the start. */
  counters(): WireCounters {
    const ws = this.fleet.counters();
    const http = this.submitter.bytes();
    return {
      wsFramesIn: ws.framesIn,
      wsFramesOut: ws.framesOut,
      wsPresenceFrames: ws.presenceFrames,
      wsBytesIn: ws.bytesIn,
      wsBytesOut: ws.bytesOut,
      wsWireBytesIn: ws.wireBytesIn,
      wsWireBytesOut: ws.wireBytesOut,
      httpBytesIn: http.in,
      httpBytesOut: http.out,
    };
  }

  /** Asks the hub for the tasks of `history` that were not seen to end, and for so many of the completed ones. */
  lookUpOpen(history: RunHistory, note: (event: HistoryEvent) => void, completed = 0): Promise<void> {
    const { clock, submitter } = this;
    return lookUpTasks(history, { clock, submitter, isOurs: this.#isOurs, note, completed });
  }

  /**
   * Waits until nothing in the books is open: all submissions answered, all acknowledged tasks ended. False at `limitMs` of the
   * clock, or when nothing has ended for `idleMs`: what does not move any more is lost, and need not be waited for.
   */
  async drain(
    books: { readonly open: number; readonly lastEndMs: number },
    limitMs: number,
    idleMs = Number.POSITIVE_INFINITY,
  ): Promise<boolean> {
    const fromMs = this.clock.monotonicMs();
    while (books.open > 0) {
      const nowMs = this.clock.monotonicMs();
      if (nowMs >= limitMs || nowMs - Math.max(fromMs, books.lastEndMs) >= idleMs) return false;
      await this.until(nowMs + DRAIN_LOOK_MS);
    }
    return true;
  }

  /** Resolves at a time of the clock (monotonic milliseconds), or at the signal. */
  until(atMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        cancel();
        signal?.removeEventListener("abort", over);
        resolve();
      };
      const cancel = this.clock.after(Math.max(0, atMs - this.clock.monotonicMs()), over);
      signal?.addEventListener("abort", over, { once: true });
      if (signal?.aborted) over();
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.fleet.close(), this.submitter.close()]);
  }
}
