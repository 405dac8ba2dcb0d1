/** The scheduler's rules on a real clock. */
import {
  type OllamaEffect,
  type OllamaRequest,
  OllamaServer,
  type OllamaSettings,
  type OllamaTimings,
} from "@hubscale/fleet-model";
import type { Cancel } from "../clock.ts";
import type { ScaledTime } from "../stubs/scaled-time.ts";
import type { Ticker } from "../stubs/ticker.ts";

/** What becomes of a request. Nothing more after `refused`, `finished` or a cancel. */
export interface AnswerListener {
  refused(): void;
  /** Tokens since the last call; only between the prompt's end and `finished`. */
  tokens?(count: number): void;
  finished(timings: OllamaTimings): void;
}

interface Asked {
  listener: AnswerListener;
  told: number;
  stopTicks: Cancel | undefined;
}

export class OllamaDriver {
  readonly server: OllamaServer;
  private readonly time: ScaledTime;
  private readonly ticker: Ticker;
  private readonly asked = new Map<string, Asked>();
  private timer: { dueMs: number; cancel: Cancel } | undefined;

  constructor(settings: OllamaSettings, { time, ticker }: { time: ScaledTime; ticker: Ticker }) {
    this.server = new OllamaServer(settings, time.nowMs());
    this.time = time;
    this.ticker = ticker;
  }

  ask(request: OllamaRequest, listener: AnswerListener): void {
    this.asked.set(request.id, { listener, told: 0, stopTicks: undefined });
    this.apply(this.server.handle({ type: "request", request }, this.time.nowMs()));
  }

  cancel(id: string): void {
    const asked = this.asked.get(id);
    if (!asked) return;
    this.forget(id, asked);
    this.apply(this.server.handle({ type: "cancel", id }, this.time.nowMs()));
  }

  unload(model: string): void {
    this.apply(this.server.handle({ type: "unload", model }, this.time.nowMs()));
  }

  /** Brings the rules up to the present. */
  catchUp(): void {
    this.apply(this.server.advance(this.time.nowMs()));
  }

  close(): void {
    this.timer?.cancel();
    for (const [id, asked] of this.asked) this.forget(id, asked);
  }

  private apply(effects: OllamaEffect[]): void {
    for (const effect of effects) {
      if (!("id" in effect)) continue;
      const asked = this.asked.get(effect.id);
      if (!asked) continue;
      switch (effect.type) {
        case "refused":
          this.forget(effect.id, asked);
          asked.listener.refused();
          break;
        case "answering":
          if (asked.listener.tokens) asked.stopTicks = this.ticker.add(() => this.tick(effect.id, asked));
          break;
        case "finished":
          this.forget(effect.id, asked);
          this.tell(asked, effect.timings.outputTokens);
          asked.listener.finished(effect.timings);
          break;
      }
    }
    this.arm();
  }

  private tick(id: string, asked: Asked): void {
    this.catchUp();
    if (this.asked.has(id)) this.tell(asked, this.server.outputTokens(id));
  }

  private tell(asked: Asked, tokens: number): void {
    if (tokens <= asked.told) return;
    asked.listener.tokens?.(tokens - asked.told);
    asked.told = tokens;
  }

  private forget(id: string, asked: Asked): void {
    asked.stopTicks?.();
    this.asked.delete(id);
  }

  private arm(): void {
    const dueMs = this.server.nextDueMs();
    if (this.timer?.dueMs === dueMs) return;
    this.timer?.cancel();
    this.timer = undefined;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const cancel = this.time.at(dueMs, () => {
      this.timer = undefined;
      this.catchUp();
    });
    this.timer = { dueMs, cancel };
  }
}
