import type { Clock } from "@hubscale/sidecar-sim";
import { AgentCrew } from "./agent-crew.ts";
import { arrivalsWithin } from "./arrivals.ts";
import { type Flight, type Held, type HeldLoad, type HeldLoadSetting, HoldRecord, type HoldShape } from "./held-load.ts";
import { type HistoryVerdict, RunHistory } from "./history-check.ts";
import { sendOnSchedule } from "./load-source.ts";
import type { HubFrame, PlainAgent } from "./plain-agent.ts";

const ARRIVE_WITHIN_MS = 2_000;
/** About what an agent says to another: a question with its context. */
const TEXT = "please look at the failing test before you merge, the log is attached to the task ".repeat(3);

/** Messages between agents at random times: each to one other agent, or each to all. */
export class MessageLoad implements HeldLoad {
  readonly #setting: HeldLoadSetting;
  readonly #clock: Clock;
  readonly #crew: AgentCrew;
  /** By the number in the payload. */
  readonly #flights = new Map<number, Flight>();
  #record: HoldRecord | undefined;
  #sent = 0;

  constructor(setting: HeldLoadSetting, clock: Clock) {
    this.#setting = setting;
    this.#clock = clock;
    this.#crew = new AgentCrew(
      setting,
      (frame) => this.#heard(frame),
      (agent) => this.#record?.failed(`${agent.agentId} was disconnected`),
    );
  }

  async hold(shape: HoldShape): Promise<Held> {
    await this.#crew.grow(this.#setting.agents);
    const { agents } = this.#crew;
    const toAll = this.#setting.load === "broadcasts";
    const arrivalsEach = toAll ? agents.length : 1;
    const clock = this.#clock;
    const offsets = arrivalsWithin(
      { arrivals: "poisson", ratePerSec: shape.amount, seed: shape.seed },
      shape.warmupMs + shape.durationMs,
    );
    const planned = offsets.filter((atMs) => atMs >= shape.warmupMs).length;
    const startMs = clock.monotonicMs() + LEAD_MS;
    const record = new HoldRecord(clock, shape, startMs, planned * arrivalsEach);
    this.#record = record;
    this.#flights.clear();
    const before = this.#sent;
    const stop = new AbortController();
    const send = (intendedMs: number) => {
      const number = this.#sent++;
      const from = agents[number % agents.length] as PlainAgent;
      const to = toAll ? null : (agents[(number * STRIDE + 1) % agents.length] as PlainAgent).agentId;
      this.#flights.set(number, record.sent(intendedMs, arrivalsEach));
      from.send(JSON.stringify({ type: "message", ...(to !== null && { to }), payload: { number, text: TEXT } }));
    };
    const sending = sendOnSchedule(clock, startMs, offsets, send, stop.signal);
    const held = await record.watch(ARRIVE_WITHIN_MS, () => stop.abort());
    stop.abort();
    await sending;
    this.#record = undefined;
    return { ...held, carried: this.#sent - before };
  }

  async close(): Promise<HistoryVerdict> {
    await this.#crew.close();
    return new RunHistory().verdict();
  }

  #heard(frame: HubFrame): void {
    if (frame.type === "message") {
      const { number } = (frame.payload ?? {}) as { number?: unknown };
      const flight = this.#flights.get(typeof number === "number" ? number : -1);
      if (flight) this.#record?.arrivedAt(flight, this.#clock.monotonicMs());
    } else if (frame.type === "error" || frame.type === "rate_limited") {
      this.#record?.failed(frame.error ?? frame.type);
    }
  }
}

const LEAD_MS = 20;
/** Prime, so that every agent writes to every other in time. */
const STRIDE = 7;
