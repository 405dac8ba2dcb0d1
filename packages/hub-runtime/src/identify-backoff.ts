import { identifyBackoffMs } from "@hubscale/hub-core";

/** For how long agents whose connections were closed for violations are kept out. */
export class IdentifyBackoff {
  readonly #monotonicMs: () => number;
  readonly #byAgent = new Map<string, { closures: number; untilMs: number }>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  closed(agentId: string): void {
    const closures = (this.#byAgent.get(agentId)?.closures ?? 0) + 1;
    this.#byAgent.set(agentId, { closures, untilMs: this.#monotonicMs() + identifyBackoffMs(closures) });
  }

  /** 0: the agent may identify. */
  waitMs(agentId: string): number {
    return Math.max(0, (this.#byAgent.get(agentId)?.untilMs ?? 0) - this.#monotonicMs());
  }

  /** Forgets agents that have behaved for an hour. */
  sweep(): void {
    for (const [agentId, { untilMs }] of this.#byAgent) {
      if (this.#monotonicMs() - untilMs > FORGIVEN_AFTER_MS) this.#byAgent.delete(agentId);
    }
  }
}

const FORGIVEN_AFTER_MS = 3_600_000;
