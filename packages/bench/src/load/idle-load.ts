import { type Clock, PING, SidecarFleet } from "@hubscale/sidecar-sim";
import { AgentCrew } from "./agent-crew.ts";
import { type Flight, type Held, type HeldLoad, type HeldLoadSetting, HoldRecord, type HoldShape } from "./held-load.ts";
import { type HistoryVerdict, RunHistory } from "./history-check.ts";
import type { HubFrame, PlainAgent } from "./plain-agent.ts";

/** Agents that ask whether the hub still answers, beside those that are merely there. */
const ASKING = 8;
const PINGS_PER_SEC = 40;
const PONG_WITHIN_MS = 10_000;

/** Agents that are connected and live: a ping and a resource report every 30 s each. Their number only grows. */
export class IdleLoad implements HeldLoad {
  readonly #setting: HeldLoadSetting;
  readonly #clock: Clock;
  readonly #crew: AgentCrew;
  readonly #fleets: SidecarFleet[] = [];
  readonly #asked = new Map<PlainAgent, Flight[]>();
  #record: HoldRecord | undefined;

  constructor(setting: HeldLoadSetting, clock: Clock) {
    this.#setting = setting;
    this.#clock = clock;
    this.#crew = new AgentCrew(
      { ...setting, prefix: `${setting.prefix}-asks` },
      (frame, agent) => this.#heard(frame, agent),
      (agent) => this.#record?.failed(`${agent.agentId} was disconnected`),
    );
  }

  async hold(shape: HoldShape): Promise<Held> {
    await this.#crew.grow(ASKING);
    await this.#growFleet(shape.amount - ASKING);
    const clock = this.#clock;
    const startMs = clock.monotonicMs();
    const record = new HoldRecord(clock, shape, startMs, (PINGS_PER_SEC * shape.durationMs) / 1000);
    this.#record = record;
    let pings = 0;
    let isOver = false;
    const next = () => {
      if (isOver) return;
      const agent = this.#crew.agents[pings % ASKING] as PlainAgent;
      const flights = this.#asked.get(agent) ?? [];
      flights.push(record.sent(startMs + (pings * 1000) / PINGS_PER_SEC));
      this.#asked.set(agent, flights);
      agent.send(PING);
      pings++;
      clock.after(Math.max(0, startMs + (pings * 1000) / PINGS_PER_SEC - clock.monotonicMs()), next);
    };
    next();
    const held = await record.watch(PONG_WITHIN_MS, () => (isOver = true));
    isOver = true;
    this.#record = undefined;
    const online = this.#fleets.reduce((sum, fleet) => sum + fleet.online, ASKING);
    const missing = Math.max(ASKING, Math.round(shape.amount)) - online;
    const trouble = missing > 0 ? `${missing} agents were not connected any more` : held.trouble;
    return { ...held, trouble, carried: (online * (clock.monotonicMs() - startMs)) / 1000 };
  }

  async close(): Promise<HistoryVerdict> {
    await Promise.all([this.#crew.close(), ...this.#fleets.map((fleet) => fleet.close())]);
    return new RunHistory().verdict();
  }

  async #growFleet(amount: number): Promise<void> {
    const { ws, prefix, seed, limitMs } = this.#setting;
    const have = this.#fleets.reduce((sum, fleet) => sum + fleet.size, 0);
    const more = Math.round(amount) - have;
    if (more <= 0) return;
    const agentIds = Array.from({ length: more }, (_, i) => `${prefix}-idle-${have + i}`);
    const tokens = await this.#crew.tokensOf(agentIds);
    const fleet = new SidecarFleet({
      wsUrls: ws,
      agents: agentIds.map((agentId) => ({ agentId, token: tokens.get(agentId) as string })),
      behaviour: { workTime: { kind: "constant", ms: 0 }, progress: null, failure: { share: 0, as: "failed" }, outputChars: 0 },
      capabilities: ["code"],
      ollamaUrl: null,
      seed: seed + have,
      timeScale: 1,
      clock: this.#clock,
      onEvent: () => undefined,
    });
    this.#fleets.push(fleet);
    const connected = await fleet.connect(limitMs);
    if (!connected.ok)
      throw new Error(`${have + connected.identified} agents connected, then: ${connected.code} ${connected.detail}`);
  }

  #heard(frame: HubFrame, agent: PlainAgent): void {
    if (frame.type === "pong") {
      const flight = this.#asked.get(agent)?.shift();
      if (flight) this.#record?.arrivedAt(flight, this.#clock.monotonicMs());
    } else if (frame.type === "error" || frame.type === "rate_limited") {
      this.#record?.failed(frame.error ?? frame.type);
    }
  }
}
