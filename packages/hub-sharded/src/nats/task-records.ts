/**
 * The records of one routing class in one shard: a task that was assigned at least once, or is parked, with who holds it. Every
 * write names the revision that it follows, so of two writers one is refused.
 */
import type { Task, TaskStatus } from "@hubscale/protocol";
import type { HubStreams } from "./hub-streams.ts";
import type { JetStream, StoredMessage } from "./jetstream.ts";
import { scanStream } from "./stream-scan.ts";

/** Who holds a task, and by which delivery of which ticket. */
export interface RecordedHold {
  node: string;
  token: string;
  /** Sequence of the ticket. */
  ticket: number;
  /** How often the ticket had been delivered by then. */
  deliveries: number;
  /** The subject on which the delivery is acknowledged. */
  ack: string;
}

export interface TaskRecord {
  task: Task;
  /** Null: nobody. */
  hold: RecordedHold | null;
  parked: boolean;
  /** The token of the hold that wrote this, if one did: by it an answer that was lost is made good. */
  by: string | null;
}

/** `revision` 0: nothing was ever stored. `record` undefined: nothing, or it was cancelled. */
export interface ReadRecord {
  record: TaskRecord | undefined;
  revision: number;
}

/**
 * What a header tells of a record without its text: the task's state, and its priority. `parked`: queued, but waiting for others.
 * `gone`: cancelled; kept for as long as somebody may have its ticket in hand.
 */
export interface RecordState {
  state: TaskStatus | "parked" | "gone";
  priority: number;
}

const LETTERS = { q: "queued", a: "assigned", c: "completed", d: "dead_letter", p: "parked", x: "gone" } as const;

export class TaskRecords {
  readonly #jetstream: JetStream;
  readonly #streams: HubStreams;
  readonly #shard: number;
  readonly #className: string;

  constructor(jetstream: JetStream, streams: HubStreams, { shard, className }: { shard: number; className: string }) {
    this.#jetstream = jetstream;
    this.#streams = streams;
    this.#shard = shard;
    this.#className = className;
  }

  async read(taskId: string): Promise<ReadRecord> {
    const message = await this.#jetstream.last(this.#stream, this.#keyOf(taskId));
    return message ? { record: recordIn(message), revision: message.seq } : { record: undefined, revision: 0 };
  }

  /** The new revision; undefined: somebody else has written since. */
  write(record: TaskRecord, expected: number): Promise<number | undefined> {
    const state = `${letterOf(record)}${record.task.priority}`;
    return this.#jetstream.put(this.#stream, this.#keyOf(record.task.id), JSON.stringify(record), { state, expected });
  }

  /** A mark in place of the record, against which every other write fails. */
  async discard(task: Task, expected: number): Promise<boolean> {
    const written = await this.#jetstream.put(this.#stream, this.#keyOf(task.id), "", {
      state: `x${task.priority}`,
      expected,
    });
    return written !== undefined;
  }

  /** The states of all records; cheap for each, but each. */
  async states(): Promise<RecordState[]> {
    const states: RecordState[] = [];
    await scanStream(this.#jetstream, { ...this.#scan, headersOnly: true }, ({ state }) => {
      states.push(stateOf(state));
    });
    return states;
  }

  /** All records, with their states. */
  async all(): Promise<TaskRecord[]> {
    const records: TaskRecord[] = [];
    await scanStream(this.#jetstream, { ...this.#scan, headersOnly: false }, (message) => {
      const record = recordIn(message);
      if (record) records.push(record);
    });
    return records;
  }

  get #scan(): { stream: string; filter: string } {
    return { stream: this.#stream, filter: this.#keyOf("*") };
  }

  get #stream(): string {
    return this.#streams.records(this.#shard);
  }

  #keyOf(taskId: string): string {
    return this.#streams.record(this.#shard, this.#className, taskId);
  }
}

export function stateOf(header: string): RecordState {
  const state = LETTERS[header[0] as keyof typeof LETTERS];
  if (state === undefined) throw new Error(`a task's record has the unknown state "${header}"`);
  return { state, priority: Number(header.slice(1)) };
}

function recordIn({ state, text }: StoredMessage): TaskRecord | undefined {
  return stateOf(state).state === "gone" ? undefined : (JSON.parse(text) as TaskRecord);
}

function letterOf({ parked, task }: TaskRecord): keyof typeof LETTERS {
  if (parked) return "p";
  return ({ queued: "q", assigned: "a", completed: "c", dead_letter: "d" } as const)[task.status];
}
