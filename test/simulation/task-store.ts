/** What the simulated engine holds, and its moves: each happens as a whole or not at all, as a script in Redis does. */
import { byDequeueOrder, transition } from "@hubscale/hub-core";
import type { Change, Ending, Hold, QueueCounts, Stored, Submission } from "@hubscale/hub-sharded";
import type { Task } from "@hubscale/protocol";

export interface TokenHold extends Hold {
  readonly token: string;
  /** How often the task was taken, this time included. */
  readonly starts: number;
}

/** Never changed, only replaced: a copy of the store may share it. */
export interface Row extends Stored {
  readonly starts: number;
  /** Came back: before all that wait. */
  readonly isReturned: boolean;
  readonly lease: { readonly token: string; readonly untilMs: number } | null;
}

/** One thing that happened to a task, for the checks. `byGeneration`: what a completion said. */
export interface Happening {
  what: "submitted" | "assigned" | "touched" | "completed" | "requeued" | "dead_lettered" | "cancelled";
  task: Task;
  byGeneration?: number;
}

export interface StoreSettings {
  leaseMs: number;
  /** A flaw: whoever asks may end a hold. */
  ignoresTokens: boolean;
}

export class TaskStore {
  readonly rows: Map<string, Row>;
  readonly classNames: string[];
  readonly waits: Map<string, { pending: readonly string[]; sinceMs: number }>;
  readonly claims: Map<string, number>;
  readonly submissions: Map<string, Submission>;
  readonly #settings: StoreSettings;

  constructor(settings: StoreSettings, from?: TaskStore) {
    this.#settings = settings;
    this.rows = new Map(from?.rows);
    this.classNames = [...(from?.classNames ?? [])];
    this.waits = new Map(from?.waits);
    this.claims = new Map(from?.claims);
    this.submissions = new Map(from?.submissions);
  }

  copy(): TaskStore {
    return new TaskStore(this.#settings, this);
  }

  add(task: Task, parked: boolean): Happening[] {
    if (this.rows.has(task.id)) return [];
    this.rows.set(task.id, { task, parked, starts: 0, isReturned: false, lease: null });
    return [{ what: "submitted", task }];
  }

  /** The first of those that wait. */
  take(
    isInQueue: (taskId: string) => boolean,
    { token, nowMs, assign }: { token: string; nowMs: number; assign(task: Task, atMs: number): Task },
  ): { taken: { hold: TokenHold; task: Task } | undefined; happened: Happening[] } {
    const waiting = [...this.rows.values()].filter((row) => isInQueue(row.task.id) && isTakeable(row));
    const [first] = waiting.sort((a, b) => Number(b.isReturned) - Number(a.isReturned) || byDequeueOrder(a.task, b.task));
    if (!first) return { taken: undefined, happened: [] };
    const task = assign(first.task, nowMs);
    const starts = first.starts + 1;
    this.rows.set(task.id, { ...first, task, starts, isReturned: false, lease: this.#lease(token, nowMs) });
    return { taken: { hold: { taskId: task.id, token, starts }, task }, happened: [{ what: "assigned", task }] };
  }

  /** Undefined: refused. */
  end(hold: TokenHold, ending: Ending, nowMs: number): Happening[] | undefined {
    const row = this.rows.get(hold.taskId);
    if (!row || !(this.#settings.ignoresTokens || isHeldBy(row, hold.token, nowMs))) return undefined;
    const task = ending.after;
    this.rows.set(task.id, { ...row, task, lease: null, isReturned: ending.type === "requeue" });
    switch (ending.type) {
      case "complete":
        return [{ what: "completed", task, byGeneration: ending.completion.command.generation }];
      case "requeue":
        return [{ what: "requeued", task }];
      case "bury":
        return [{ what: "dead_lettered", task }];
    }
  }

  /** Takes over a hold that is as it was seen; a token of null stands for one whose lease has run out. */
  takeOver(seen: { taskId: string; starts: number; token: string | null }, token: string, nowMs: number): boolean {
    const row = this.rows.get(seen.taskId);
    if (row?.task.status !== "assigned" || row.starts !== seen.starts || liveToken(row, nowMs) !== seen.token) return false;
    this.rows.set(seen.taskId, { ...row, lease: this.#lease(token, nowMs) });
    return true;
  }

  renew(holds: readonly TokenHold[], nowMs: number): TokenHold[] {
    const lost: TokenHold[] = [];
    for (const hold of holds) {
      const row = this.rows.get(hold.taskId);
      if (!row || !isHeldBy(row, hold.token, nowMs)) lost.push(hold);
      else this.rows.set(hold.taskId, { ...row, lease: this.#lease(hold.token, nowMs) });
    }
    return lost;
  }

  note(hold: TokenHold, { updated_at, routing_decision }: Task, nowMs: number): Happening[] {
    const row = this.rows.get(hold.taskId);
    if (!row || !isHeldBy(row, hold.token, nowMs)) return [];
    const task = { ...row.task, updated_at, routing_decision };
    this.rows.set(hold.taskId, { ...row, task });
    return [{ what: "touched", task }];
  }

  returnLost(isInQueue: (taskId: string) => boolean, nowMs: number): Happening[] {
    const happened: Happening[] = [];
    for (const row of this.rows.values()) {
      if (!isInQueue(row.task.id) || row.task.status !== "assigned" || liveToken(row, nowMs) !== null) continue;
      const next = transition(row.task, { type: "reclaim", reason: "lease_expired" }, nowMs);
      if (!next.ok || !next.task) throw new Error("an assigned task cannot be reclaimed");
      this.rows.set(row.task.id, { ...row, task: next.task, lease: null, isReturned: true });
      happened.push({ what: "requeued", task: next.task });
    }
    return happened;
  }

  /** Undefined: it moved since it was seen. */
  change(seen: Row, change: Change): Happening[] | undefined {
    const row = this.rows.get(seen.task.id);
    const isSame = row && row.task.status === seen.task.status && row.starts === seen.starts && row.parked === seen.parked;
    if (!isSame) return undefined;
    const { task } = row;
    switch (change.type) {
      case "unpark":
        this.rows.set(task.id, { ...row, parked: false });
        return [];
      case "expire":
        this.rows.set(task.id, { ...row, task: change.after, parked: false });
        return [{ what: "dead_lettered", task: change.after }];
      case "exhume":
        this.rows.set(task.id, { ...row, task: change.after, parked: change.parked, isReturned: false });
        return [{ what: "requeued", task: change.after }];
      case "discard":
        this.rows.delete(task.id);
        return [{ what: "cancelled", task }];
    }
  }

  countsOf(isInQueue: (taskId: string) => boolean): QueueCounts {
    const rows = [...this.rows.values()].filter(({ task }) => isInQueue(task.id));
    const count = (holds: (row: Row) => boolean) => rows.filter(holds).length;
    return {
      queued: [0, 1, 2, 3].map((priority) => count(({ task }) => task.status === "queued" && task.priority === priority)),
      parked: count(({ parked, task }) => parked && task.status === "queued"),
      assigned: count(({ task }) => task.status === "assigned"),
      completed: count(({ task }) => task.status === "completed"),
      deadLetter: count(({ task }) => task.status === "dead_letter"),
    };
  }

  #lease(token: string, nowMs: number): Row["lease"] {
    return { token, untilMs: nowMs + this.#settings.leaseMs };
  }
}

/** Who holds it now; null: nobody, or nobody any more. */
export function liveToken({ lease }: Row, nowMs: number): string | null {
  return lease && lease.untilMs > nowMs ? lease.token : null;
}

export function isTakeable({ parked, task }: Row): boolean {
  return task.status === "queued" && !parked;
}

function isHeldBy(row: Row, token: string, nowMs: number): boolean {
  return liveToken(row, nowMs) === token;
}
