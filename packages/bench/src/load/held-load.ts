/** Loads that are not tasks a second: agents that stream, messages between agents, agents that are merely there. */
import type { Clock, Tokens } from "@hubscale/sidecar-sim";
import type { HistoryVerdict } from "./history-check.ts";
import { type LateBound, LateCount } from "./late-count.ts";
import { type EncodedLatencies, LatencyRecord } from "./latency-record.ts";
import { SelfMeasure } from "./self-measure.ts";
import type { GeneratorLoad } from "./generator-protocol.ts";

export type HeldLoadKind = "streams" | "directMessages" | "broadcasts" | "idleAgents";

export interface HeldLoadSetting {
  load: HeldLoadKind;
  ws: readonly string[];
  http: readonly string[];
  /** Agent ids begin with this; new for each run against one hub. */
  prefix: string;
  seed: number;
  /** Each agent must be identified, and hold what it must hold, within this. */
  limitMs: number;
  /** Agents between whom messages go; the other loads bring as many as they are asked for. */
  agents: number;
  /** From an earlier run; agents that are in it are not registered again. */
  known?: Tokens;
}

export interface HoldShape {
  /** Agents that stream, messages a second, agents that are there. */
  amount: number;
  /** Before the window: the same load, not measured. */
  warmupMs: number;
  durationMs: number;
  seed: number;
  /** The trial ends as soon as this cannot be kept any more. */
  hopeless?: Omit<LateBound, "stage">;
}

export interface Held {
  /** Answers or deliveries that were due to what was sent in the window, and those that came. */
  expected: number;
  arrived: number;
  /** From the intended time, and from the moment of sending. */
  latency: EncodedLatencies;
  service: EncodedLatencies;
  durationMs: number;
  endedEarly: boolean;
  /** How much the hub had to carry, warm-up included: seconds of an agent, or messages. */
  carried: number;
  /** What went wrong, in words; empty: nothing. */
  trouble: string;
  generator: GeneratorLoad;
}

/** One at a time is held. */
export interface HeldLoad {
  /** Rejects when the hub cannot take so many at all, with the reason. */
  hold(shape: HoldShape): Promise<Held>;
  /** Ends what is under way and leaves; the history of its tasks is empty where it had none. */
  close(): Promise<HistoryVerdict>;
}

/** Something that was sent and whose answer, or arrival, is timed. */
export interface Flight {
  intendedMs: number;
  sentMs: number;
  inWindow: boolean;
  tookMs: number | undefined;
}

/** The books of one held trial: what is in flight, what has arrived, and whether the generator was in time. */
export class HoldRecord {
  expected = 0;
  arrived = 0;
  readonly #troubles: string[] = [];
  readonly #clock: Clock;
  readonly #self = new SelfMeasure();
  readonly #latency = new LatencyRecord();
  readonly #service = new LatencyRecord();
  readonly #late: LateCount | undefined;
  readonly #fromMs: number;
  #untilMs: number;

  /** `planned`: arrivals that are expected in the window. */
  constructor(clock: Clock, shape: HoldShape, startMs: number, planned: number) {
    this.#clock = clock;
    this.#fromMs = startMs + shape.warmupMs;
    this.#untilMs = this.#fromMs + shape.durationMs;
    this.#late = shape.hopeless && new LateCount({ ...shape.hopeless, stage: "assign" }, planned);
  }

  /** `arrivals`: how often it will be answered. */
  sent(intendedMs: number, arrivals = 1): Flight {
    const sentMs = this.#clock.monotonicMs();
    const inWindow = intendedMs >= this.#fromMs && intendedMs < this.#untilMs;
    const flight: Flight = { intendedMs, sentMs, inWindow, tookMs: undefined };
    if (!inWindow) return flight;
    this.expected += arrivals;
    this.#self.sent(sentMs - intendedMs, this.expected - this.arrived);
    this.#late?.add(flight);
    return flight;
  }

  arrivedAt(flight: Flight, atMs: number): void {
    if (!flight.inWindow) return;
    this.arrived++;
    flight.tookMs = atMs - flight.intendedMs;
    this.#latency.add(flight.tookMs);
    this.#service.add(atMs - flight.sentMs);
  }

  /** The agent's load is worth nothing any more: it lost its task, or its connection. */
  failed(what: string): void {
    this.#troubles.push(what);
  }

  /**
   * Waits for the window, measures over it, and ends it at once when it is hopeless. `onEnd` is called then, to stop the
   * sending; what is in flight is waited for.
   */
  async watch(graceMs: number, onEnd: () => void): Promise<Omit<Held, "carried">> {
    const clock = this.#clock;
    await until(clock, this.#fromMs);
    this.#self.start();
    let endedEarly = false;
    while (clock.monotonicMs() < this.#untilMs && !endedEarly) {
      await until(clock, Math.min(this.#untilMs, clock.monotonicMs() + LOOK_MS));
      endedEarly = (this.#late?.isHopeless(clock.monotonicMs()) ?? false) && clock.monotonicMs() < this.#untilMs;
    }
    if (endedEarly) this.#untilMs = clock.monotonicMs();
    const generator = this.#self.stop();
    onEnd();
    const limitMs = clock.monotonicMs() + graceMs;
    while (this.arrived < this.expected && clock.monotonicMs() < limitMs) await until(clock, clock.monotonicMs() + LOOK_MS);
    return {
      expected: this.expected,
      arrived: this.arrived,
      latency: this.#latency.encode(),
      service: this.#service.encode(),
      durationMs: this.#untilMs - this.#fromMs,
      endedEarly,
      trouble:
        this.#troubles.length > 1 ? `${this.#troubles.length} times, first: ${this.#troubles[0]}` : (this.#troubles[0] ?? ""),
      generator,
    };
  }
}

const LOOK_MS = 25;

export function until(clock: Clock, atMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(Math.max(0, atMs - clock.monotonicMs()), resolve);
  });
}
