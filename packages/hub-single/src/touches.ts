/** Signs of life of a task: accepted, progress, a wake, a report after a reconnect (C6). */
import type { Cancel, Clock } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import type { Holdings } from "./dispatch/holdings.ts";
import type { CommandOutcome, TaskCommands } from "./table/task-commands.ts";
import type { RowObserver } from "./table/task-table.ts";

export type TouchOutcome = { ok: true } | Extract<CommandOutcome, { ok: false }>;

export interface Touches {
  /** `agentId` null: whoever says so. */
  touch(taskId: string, agentId: string | null): Promise<TouchOutcome>;
  /** Brings to the disk what is held back. */
  close(): Promise<void>;
}

/** Every touch is a change of the whole row, and waits for the disk. */
export class DurableTouches implements Touches {
  readonly #commands: TaskCommands;

  constructor(commands: TaskCommands) {
    this.#commands = commands;
  }

  async touch(taskId: string, agentId: string | null): Promise<TouchOutcome> {
    const outcome = await this.#commands.run(taskId, { type: "touch", agentId });
    return outcome.ok ? { ok: true } : outcome;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Touches wait in memory for the next change of their row, or a few seconds. A crash loses no more than the time of the last
 * sign of life: the assignment itself is on disk, and a returning agent is asked again.
 */
export class CoalescedTouches implements Touches, RowObserver {
  readonly #commands: TaskCommands;
  readonly #holdings: Holdings;
  readonly #clock: Clock;
  /** When each was seen last, Unix ms. */
  readonly #waiting = new Map<string, number>();
  readonly #stop: Cancel;

  constructor(parts: { commands: TaskCommands; holdings: Holdings; clock: Clock; onFailure(error: Error): void }) {
    this.#commands = parts.commands;
    this.#holdings = parts.holdings;
    this.#clock = parts.clock;
    this.#stop = parts.clock.every(FLUSH_EVERY_MS, () => {
      this.#flush().catch((error: Error) => parts.onFailure(error));
    });
  }

  async touch(taskId: string, agentId: string | null): Promise<TouchOutcome> {
    const holder = this.#holdings.holderOf(taskId);
    if (holder !== undefined && (agentId === null || agentId === holder)) {
      this.#waiting.set(taskId, this.#clock.nowMs());
      return { ok: true };
    }
    // Not the plain case: let the row itself say what is wrong.
    const outcome = await this.#commands.run(taskId, { type: "touch", agentId });
    return outcome.ok ? { ok: true } : outcome;
  }

  /** The row was written for another reason, with a later time than the touch. */
  changed(before: Task | undefined): void {
    if (before) this.#waiting.delete(before.id);
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const touched = [...this.#waiting];
    this.#waiting.clear();
    await Promise.all(touched.map(([taskId, atMs]) => this.#commands.run(taskId, { type: "touch", agentId: null, atMs })));
  }
}

/** Short against the ten minutes after which an untouched task is held to be stuck, long against ten progress frames a second. */
const FLUSH_EVERY_MS = 5_000;
