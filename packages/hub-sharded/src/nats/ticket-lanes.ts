/**
 * The tickets of one routing class in one shard: a message in a work-queue stream for each task that waits or is held. It carries
 * the task as it was submitted, and is the only thing stored of one that was never assigned. Each priority is a lane with a
 * consumer of its own. A ticket that was delivered and not acknowledged is a lease: it is delivered again when the lease has run
 * out, and before all that were never delivered when it is given back.
 */
import type { Task } from "@hubscale/protocol";
import type { HubStreams } from "./hub-streams.ts";
import { deliveryOf, type JetStream } from "./jetstream.ts";
import type { ShardLanes } from "./shard-lanes.ts";

export interface Ticket {
  task: Task;
  seq: number;
  /** This one included. */
  deliveries: number;
  /** The subject on which this delivery is acknowledged. */
  ack: string;
}

export const PRIORITIES = [0, 1, 2, 3] as const;

export interface TicketLanesOptions {
  jetstream: JetStream;
  streams: HubStreams;
  lanes: ShardLanes;
  shard: number;
  /** The number of the routing class, as four hex digits. */
  className: string;
}

export class TicketLanes {
  readonly #options: TicketLanesOptions;

  constructor(options: TicketLanesOptions) {
    this.#options = options;
  }

  /** Writes a ticket, if there is none for the task: false then. */
  async write(task: Task): Promise<boolean> {
    const { jetstream, lanes } = this.#options;
    await lanes.make(this.laneOf(task.priority), this.#subjectOf(task.priority, "*"));
    const subject = this.#subjectOf(task.priority, task.id);
    return (await jetstream.put(this.#stream, subject, JSON.stringify(task), { state: "", expected: 0 })) !== undefined;
  }

  async take(priority: number): Promise<Ticket | undefined> {
    const message = await this.#options.jetstream.pull(this.#stream, this.laneOf(priority));
    if (!message?.reply) return undefined;
    const { deliveries, seq } = deliveryOf(message.reply);
    return { task: message.json<Task>(), seq, deliveries, ack: message.reply };
  }

  /** The task is over. Lost with the connection, which costs a look at it when the lease has run out. */
  drop(ack: string): void {
    this.#options.jetstream.link.publish(ack, "+ACK");
  }

  /** As `drop`, and known to be done. */
  async dropSurely(ack: string): Promise<void> {
    await this.#options.jetstream.link.request(ack, "+ACK");
  }

  /** Back to its lane, before those that were never delivered; known to be there when it resolves. */
  async giveBack(ack: string): Promise<void> {
    await this.#options.jetstream.link.request(ack, "-NAK");
  }

  /** The lease begins anew. */
  extend(ack: string): void {
    this.#options.jetstream.link.publish(ack, "+WPI");
  }

  /** The ticket of a task, delivered or not. */
  async find(taskId: string): Promise<Omit<Ticket, "deliveries" | "ack"> | undefined> {
    const { jetstream } = this.#options;
    const subjects = PRIORITIES.map((priority) => this.#subjectOf(priority, taskId));
    const found = await Promise.all(subjects.map((subject) => jetstream.last(this.#stream, subject)));
    const message = found.find((each) => each !== undefined);
    return message && { task: JSON.parse(message.text) as Task, seq: message.seq };
  }

  async remove(seq: number): Promise<void> {
    await this.#options.jetstream.removeMessage(this.#stream, seq);
  }

  /** The first ticket of a lane from this sequence on, delivered or not. */
  async next(priority: number, fromSeq: number): Promise<Omit<Ticket, "deliveries" | "ack"> | undefined> {
    const message = await this.#options.jetstream.next(this.#stream, this.#subjectOf(priority, "*"), fromSeq);
    return message && { task: JSON.parse(message.text) as Task, seq: message.seq };
  }

  /** The tasks that have a ticket. */
  async taskIds(): Promise<string[]> {
    const { className, jetstream, shard, streams } = this.#options;
    const subjects = await jetstream.subjects(this.#stream, streams.ticket(shard, className, "*", "*"));
    return subjects.map((subject) => subject.slice(subject.lastIndexOf(".") + 1));
  }

  laneOf(priority: number): string {
    return `${this.#options.className}-${priority}`;
  }

  get #stream(): string {
    return this.#options.streams.tickets(this.#options.shard);
  }

  #subjectOf(priority: number, taskId: string): string {
    const { className, shard, streams } = this.#options;
    return streams.ticket(shard, className, priority, taskId);
  }
}
