/** The way from a node to the engine: in order like a TCP connection, slow now and then, and cut off. */
import { Unavailable } from "@hubscale/hub-runtime";
import type { Random } from "@hubscale/sidecar-sim";
import type { Operation, SimulatedEngine } from "./simulated-engine.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

export interface EngineLinkOptions {
  world: World;
  random: Random;
  engine: SimulatedEngine;
  process: SimulatedProcess;
}

const TIMEOUT_MS = 1_000;
const RETRY_AFTER_MS = 500;
/** One message in so many comes late, and with it all behind it: some so late that nobody waits for them any more. */
const LATE_ONE_IN = 60;
const LATE_UP_TO_MS = 1_500;

export class EngineLink {
  readonly #options: EngineLinkOptions;
  #isCut = false;
  #lastRequestMs = 0;
  #lastReplyMs = 0;

  constructor(options: EngineLinkOptions) {
    this.#options = options;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  cut(forMs: number): void {
    this.#isCut = true;
    this.#options.world.after(forMs, () => {
      this.#isCut = false;
    });
  }

  call<T>(operation: Operation<T>): Promise<T> {
    const { engine, process, world } = this.#options;
    // What the last step of a node that ended by itself would still have asked.
    if (!process.isAlive) return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      const endTimeout = process.clock.after(TIMEOUT_MS, () =>
        reject(new Unavailable("the simulated engine does not answer", RETRY_AFTER_MS)),
      );
      const arrivalMs = (this.#lastRequestMs = Math.max(this.#lastRequestMs, world.nowMs + this.#delayMs()));
      // What is on its way when the link is cut is lost, in either direction.
      const travel = (atMs: number, arrive: () => void) => {
        if (!this.#isCut) world.after(atMs - world.nowMs, () => !this.#isCut && arrive());
      };
      travel(arrivalMs, () =>
        engine.perform(operation, (answer) => {
          const replyMs = (this.#lastReplyMs = Math.max(this.#lastReplyMs, world.nowMs + this.#delayMs()));
          travel(replyMs, () =>
            process.enter(() => {
              endTimeout();
              resolve(answer);
            }),
          );
        }),
      );
    });
  }

  #delayMs(): number {
    const { random } = this.#options;
    return random() < 1 / LATE_ONE_IN ? random() * LATE_UP_TO_MS : random() * 4;
  }
}
