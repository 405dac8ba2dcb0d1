/** Processes that stand still and think that no time has passed: a long garbage collection, a suspended virtual machine. */
import { kill } from "node:process";

export class PausedProcesses {
  readonly #pids: readonly number[];
  #isPaused = true;

  /** SIGSTOP to all. They are ours and must be let go on, or they cannot even be told to end. */
  static of(pids: readonly number[]): PausedProcesses {
    for (const pid of pids) kill(pid, "SIGSTOP");
    return new PausedProcesses(pids);
  }

  private constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const pid of this.#pids) kill(pid, "SIGCONT");
  }
}
