/**
 * An engine with a disk: it answers when what it did is on the disk, and a power cut takes it back to what was on the disk.
 * Whatever is stored for good goes through the checks of the core, in the order in which it happened.
 */
import { checkTask, LifecycleChecker } from "@hubscale/hub-core";
import { jsonBytesOf, recordBytesFor } from "@hubscale/hub-runtime/testing";
import { LIMITS } from "@hubscale/protocol";
import type { History } from "./history.ts";
import { type Happening, TaskStore } from "./task-store.ts";
import type { World } from "./world.ts";

export interface EngineFlaws {
  /** Whoever asks may end a hold. */
  ignoresTokens: boolean;
  /** Answers at once, and writes to the disk later. */
  answersBeforeSync: boolean;
}

const SYNC_MS = 15;
/** What it takes of one task: the smallest engine on which a hub starts. */
const RECORD_BYTES_MAX = recordBytesFor(LIMITS.documentBytesMin);
/** Of an engine that has answered already. */
const LAZY_SYNC_MS = 400;

/** `nowMs` is the engine's own time. */
export type Operation<T> = (store: TaskStore, nowMs: number) => { answer: T; happened: Happening[] };

export class SimulatedEngine {
  readonly #world: World;
  readonly #history: History;
  readonly #flaws: EngineFlaws;
  readonly #checker = new LifecycleChecker();
  #store: TaskStore;
  #onDisk: TaskStore;
  #unsynced: { happened: Happening[]; answer: () => void }[] = [];
  #isUp = true;
  #starts = 0;
  /** Operations that a power cut undid. */
  undone = 0;

  constructor({ world, history, flaws, leaseMs }: { world: World; history: History; flaws: EngineFlaws; leaseMs: number }) {
    this.#world = world;
    this.#history = history;
    this.#flaws = flaws;
    this.#store = new TaskStore({ leaseMs, ignoresTokens: flaws.ignoresTokens });
    this.#onDisk = this.#store.copy();
  }

  /** What a power cut would leave. */
  get onDisk(): TaskStore {
    return this.#onDisk;
  }

  /** Tasks that have not come to their end, on the disk. */
  open(): string[] {
    return this.#checker.open();
  }

  /** What the histories say against what is stored. */
  contradictions(): string[] {
    return this.#checker.compare([...this.#onDisk.rows.values()].map(({ task }) => task));
  }

  /** No answer: the engine is away. */
  perform<T>(operation: Operation<T>, reply: (answer: T) => void): void {
    if (!this.#isUp) return;
    const { answer, happened } = operation(this.#store, this.#world.nowMs);
    const { answersBeforeSync } = this.#flaws;
    if (answersBeforeSync) reply(answer);
    this.#unsynced.push({ happened, answer: answersBeforeSync ? () => undefined : () => reply(answer) });
    if (this.#unsynced.length > 1) return;
    const start = this.#starts;
    this.#world.after(answersBeforeSync ? LAZY_SYNC_MS : SYNC_MS, () => {
      if (this.#starts === start) this.#sync();
    });
  }

  cutPower(forMs: number): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#starts++;
    this.undone += this.#unsynced.length;
    this.#unsynced = [];
    this.#store = this.#onDisk.copy();
    this.#world.after(forMs, () => {
      this.#isUp = true;
    });
  }

  #sync(): void {
    const batch = this.#unsynced;
    this.#unsynced = [];
    this.#onDisk = this.#store.copy();
    for (const { happened } of batch) for (const each of happened) this.#check(each);
    for (const { answer } of batch) answer();
  }

  #check({ what, task, byGeneration }: Happening): void {
    const { id: taskId, generation } = task;
    if (what !== "touched") {
      const holder = task.assigned_to === null ? "" : ` with ${task.assigned_to}`;
      this.#history.tell(`${taskId} is ${what}${holder}, generation ${generation}`);
      this.#history.count(what);
      if (task.history[0]?.event === "lease_expired") this.#history.count("lease_expired");
    }
    const found = [...checkTask(task), ...this.#checker.observe({ taskId, what, generation })];
    if (byGeneration !== undefined && byGeneration !== generation) {
      found.push(`task ${taskId}: a completion of generation ${byGeneration} was taken for generation ${generation}`);
    }
    const bytes = jsonBytesOf(task);
    if (bytes > RECORD_BYTES_MAX)
      found.push(`task ${taskId}: ${what} with ${bytes} bytes, of which an engine takes ${RECORD_BYTES_MAX}`);
    if (bytes > RECORD_BYTES_MAX - LIMITS.hubRecordBytes) this.#history.count("large");
    for (const each of found) this.#history.violated(each);
  }
}
