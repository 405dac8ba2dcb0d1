/** A GPU host's endpoint on a virtual clock: the runner of the Ollama rules with one model that stays loaded. */
import type { Endpoint } from "../closed-form/gpu-round.ts";
import type { LlmModel } from "../llm-models.ts";
import type { OllamaEffect, OllamaRequest } from "../ollama-request.ts";
import { Runner } from "../runner.ts";

export class EndpointMachine {
  readonly model: LlmModel;
  private readonly runner: Runner<number>;
  private nowMs = 0;
  private busyMs = 0;

  constructor({ model, placement }: Endpoint) {
    this.model = model;
    this.runner = new Runner<number>(model, placement);
  }

  /** Effects of the time until now; then the request waits or is taken up. */
  request(request: OllamaRequest<number>, nowMs: number): OllamaEffect<number>[] {
    this.passTo(nowMs);
    this.runner.enqueue({ request, arrivedMs: nowMs, modelReadyMs: nowMs });
    return this.runner.settle(nowMs);
  }

  /** At `dueMs` or before it. */
  advance(nowMs: number): OllamaEffect<number>[] {
    this.passTo(nowMs);
    return this.runner.settle(nowMs);
  }

  get dueMs(): number {
    return this.nowMs + this.runner.msUntilNext(1);
  }

  get totalBusyMs(): number {
    return this.busyMs;
  }

  private passTo(nowMs: number): void {
    const ms = nowMs - this.nowMs;
    if (ms <= 0) return;
    if (this.runner.isBusy) this.busyMs += ms;
    this.runner.elapse(ms, 1);
    this.nowMs = nowMs;
  }
}
