import { register, type Tokens } from "@hubscale/sidecar-sim";
import type { HeldLoadSetting } from "./held-load.ts";
import { type HubFrame, PlainAgent } from "./plain-agent.ts";

/** Registered, connected agents of a held load; more are brought as they are needed. */
export class AgentCrew {
  readonly agents: PlainAgent[] = [];
  readonly #setting: HeldLoadSetting;
  readonly #heard: (frame: HubFrame, agent: PlainAgent) => void;
  readonly #lost: (agent: PlainAgent) => void;
  #tokens: Tokens;

  constructor(
    setting: HeldLoadSetting,
    heard: (frame: HubFrame, agent: PlainAgent) => void,
    lost: (agent: PlainAgent) => void,
  ) {
    this.#setting = setting;
    this.#heard = heard;
    this.#lost = lost;
    this.#tokens = new Map(setting.known);
  }

  /** `arrived` is waited for after each group, so that nobody else is new meanwhile. Rejects when the hub does not take them. */
  async grow(size: number, arrived: (agents: readonly PlainAgent[]) => Promise<void> = () => Promise.resolve()): Promise<void> {
    const { prefix, ws, limitMs } = this.#setting;
    const ids = Array.from({ length: size }, (_, i) => `${prefix}-${i}`).slice(this.agents.length);
    await this.tokensOf(ids);
    for (let done = 0; done < ids.length; done += CONNECTS_IN_FLIGHT) {
      const some = ids.slice(done, done + CONNECTS_IN_FLIGHT);
      const come = some.map((agentId, i) =>
        PlainAgent.connect({
          url: ws[(this.agents.length + i) % ws.length] as string,
          agentId,
          token: this.#tokens.get(agentId) as string,
          limitMs,
          heard: this.#heard,
          lost: this.#lost,
        }),
      );
      const agents = await Promise.all(come);
      this.agents.push(...agents);
      await arrived(agents);
    }
  }

  /** Registers those that are not yet. Rejects when the hub refuses. */
  async tokensOf(agentIds: readonly string[]): Promise<Tokens> {
    const unknown = agentIds.filter((agentId) => !this.#tokens.has(agentId));
    const done = await register({
      httpUrls: this.#setting.http,
      agentIds: unknown,
      requestsInFlight: REGISTRATIONS_IN_FLIGHT,
      onWait: () => undefined,
    });
    if (!done.ok) throw new Error(`agents could not be registered: ${done.code} ${done.detail}`);
    this.#tokens = new Map([...this.#tokens, ...done.tokens]);
    return this.#tokens;
  }

  async close(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.close()));
  }
}

const CONNECTS_IN_FLIGHT = 16;
const REGISTRATIONS_IN_FLIGHT = 16;
