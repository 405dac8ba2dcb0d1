/** A process as the world treats it: killed, stopped and woken, its wall clock set wrong. Nothing happens in it but through `enter`. */
import type { Cancel, Clock } from "@hubscale/hub-runtime";
import type { World } from "./world.ts";

export class SimulatedProcess {
  readonly clock: Clock;
  readonly #world: World;
  /** What the kernel keeps for a stopped process. */
  #backlog: (() => void)[] = [];
  #isStopped = false;
  #skewMs = 0;
  isAlive = true;

  constructor(world: World) {
    this.#world = world;
    this.clock = {
      nowMs: () => world.nowMs + this.#skewMs,
      monotonicMs: () => world.nowMs,
      after: (delayMs, run) => this.#after(delayMs, run),
      every: (everyMs, run) => this.#every(everyMs, run),
    };
  }

  enter(run: () => void): void {
    if (!this.isAlive) return;
    if (this.#isStopped) this.#backlog.push(run);
    else run();
  }

  kill(): void {
    this.isAlive = false;
  }

  stop(forMs: number): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#world.after(forMs, () => {
      this.#isStopped = false;
      for (const run of this.#backlog.splice(0)) this.enter(run);
    });
  }

  /** Timers go on as they were, as those of an operating system do. */
  setClockWrong(byMs: number): void {
    this.#skewMs += byMs;
  }

  #after(delayMs: number, run: () => void): Cancel {
    let isCancelled = false;
    const cancel = this.#world.after(delayMs, () =>
      this.enter(() => {
        if (!isCancelled) run();
      }),
    );
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  #every(everyMs: number, run: () => void): Cancel {
    let cancelNext: Cancel;
    const arm = () => {
      cancelNext = this.#after(everyMs, () => {
        arm();
        run();
      });
    };
    arm();
    return () => cancelNext();
  }
}
