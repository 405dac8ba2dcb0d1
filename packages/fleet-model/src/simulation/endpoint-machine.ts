/**
 * GPU hosts' endpoints on a virtual clock: the runner of the Ollama rules with one model that stays loaded. One object does for all
 * endpoints of a kind; each of them is a row of numbers, to which it turns.
 */
import type { Endpoint } from "../closed-form/gpu-round.ts";
import type { LlmModel } from "../llm-models.ts";
import type { OllamaRequest } from "../ollama-request.ts";
import { Runner } from "../runner.ts";
import { runnerNumbers } from "../runner-row.ts";

/** Columns of an endpoint's row; behind them those of its runner. */
const ENDPOINT = { nowMs: 0, busyMs: 1 } as const;
const OWN_NUMBERS = 2;

/** How many numbers an endpoint's row has. */
export function endpointNumbers({ placement }: Endpoint): number {
  return OWN_NUMBERS + runnerNumbers(placement.slots);
}

export class EndpointMachine {
  readonly model: LlmModel;
  private readonly runner: Runner<number>;
  private readonly numbers: Float64Array;
  private at = 0;

  /** `numbers`: with the rows of all. */
  constructor({ model, placement }: Endpoint, numbers: Float64Array) {
    this.model = model;
    this.numbers = numbers;
    this.runner = new Runner<number>(model, placement, { numbers, names: numbers });
  }

  /** An endpoint whose row begins at `at`, with nothing to do. */
  begin(at: number): void {
    this.at = at;
    this.runner.begin(at + OWN_NUMBERS);
  }

  /** From here on this is the endpoint whose row begins at `at`. */
  turnTo(at: number): void {
    this.at = at;
    this.runner.turnTo(at + OWN_NUMBERS);
  }

  /** Lets time pass until now; then the request waits or is taken up. Ids of requests that were finished meanwhile go behind what `finished` holds. */
  request(request: OllamaRequest<number>, nowMs: number, finished: number[]): void {
    this.passTo(nowMs, finished);
    this.runner.ask(request, nowMs, finished);
  }

  /** At `dueMs` or before it. */
  advance(nowMs: number, finished: number[]): void {
    this.passTo(nowMs, finished);
    this.runner.settleFinished(nowMs, finished);
  }

  /** When the next request is finished: nobody outside hears of a prompt that has been read. */
  get dueMs(): number {
    return this.nowMs + this.runner.msUntilFinished();
  }

  get slots(): number {
    return this.runner.placement.slots;
  }

  /** Of the request that this slot served last, or serves; 0 before its first. */
  lastIdOf(slot: number): number {
    return (this.runner.lastIdOf(slot) ?? 0) | 0;
  }

  get totalBusyMs(): number {
    return this.numbers[this.at + ENDPOINT.busyMs] as number;
  }

  private get nowMs(): number {
    return this.numbers[this.at + ENDPOINT.nowMs] as number;
  }

  private passTo(nowMs: number, finished: number[]): void {
    for (;;) {
      const nextMs = this.nowMs + this.runner.msUntilNext(1);
      if (nextMs >= nowMs) break;
      this.pass(nextMs);
      this.runner.settleFinished(nextMs, finished);
    }
    this.pass(nowMs);
  }

  private pass(toMs: number): void {
    const { numbers, at, runner } = this;
    const ms = toMs - this.nowMs;
    if (ms <= 0) return;
    if (runner.isBusy) numbers[at + ENDPOINT.busyMs] = (numbers[at + ENDPOINT.busyMs] as number) + ms;
    runner.elapse(ms, 1);
    numbers[at + ENDPOINT.nowMs] = toMs;
  }
}
