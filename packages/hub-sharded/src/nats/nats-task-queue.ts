/**
 * A queue of the hub over JetStream: tickets that are handed out, and records that say what is true. A task without a record is as
 * its ticket tells. Every change is one write of the record that names the revision it follows; what happens to the ticket comes
 * after that and may be lost, since whoever gets the ticket again reads the record first.
 */
import { parseRoutingClass, type RoutingClass, transition } from "@hubscale/hub-core";
import { type Clock, Refused, Unavailable } from "@hubscale/hub-runtime";
import type { Task, TaskStatus } from "@hubscale/protocol";
import type { Change, CompletedPast, Ending, Hold, QueueCounts, Taken, TaskQueue } from "../backbone.ts";
import { isEngineRefusal } from "../backbone.ts";
import type { HoldTokens } from "../hold-tokens.ts";
import type { Holders } from "./holders.ts";
import type { HubStreams } from "./hub-streams.ts";
import type { JetStream } from "./jetstream.ts";
import { countsOf, listTasks, longWaitingTasks, type StoredRecord } from "./queue-reads.ts";
import type { ShardLanes } from "./shard-lanes.ts";
import { type RecordedHold, type TaskRecord, TaskRecords } from "./task-records.ts";
import { PRIORITIES, type Ticket, TicketLanes } from "./ticket-lanes.ts";

export interface NatsTaskQueueOptions {
  jetstream: JetStream;
  streams: HubStreams;
  lanes: ShardLanes;
  holders: Holders;
  tokens: HoldTokens;
  clock: Clock;
  node: string;
  classNumber: number;
  className: string;
  shard: number;
}

/** A hold with the revision of the record as this node wrote it last. */
interface RevisionHold extends Hold {
  recorded: RecordedHold;
  revision: number;
  /** A write of the record that is under way: the next one waits for its revision. */
  writing: Promise<void> | undefined;
  /** The answer to a write was lost: it may have been done. */
  isInDoubt: boolean;
  /** The task's end is being written or was: a touch that is noted after it would follow its revision and undo it. */
  isEnding: boolean;
}

/** What a ticket is good for, the record being as it is. */
type Use = { type: "assign"; task: Task } | { type: "drop" | "leave" };

/** Tickets looked at by one sweep for lost leases; the next one goes on. */
const RETURNED_AT_ONCE = 100;
/** Reads and writes that are under way together. */
const AT_ONCE = 256;

export class NatsTaskQueue implements TaskQueue {
  readonly className: string;
  readonly routingClass: RoutingClass;
  readonly classNumber: number;
  readonly shard: number;
  readonly #options: NatsTaskQueueOptions;
  readonly #tickets: TicketLanes;
  readonly #records: TaskRecords;
  #awayUntilMs = 0;

  constructor(options: NatsTaskQueueOptions) {
    this.#options = options;
    const { classNumber, jetstream, shard, streams } = options;
    this.classNumber = classNumber;
    this.shard = shard;
    this.className = options.className;
    this.routingClass = parseRoutingClass(options.className);
    const className = classTokenOf(classNumber);
    this.#tickets = new TicketLanes({ ...options, className });
    this.#records = new TaskRecords(jetstream, streams, { shard, className });
  }

  get isReachable(): boolean {
    const { clock, jetstream, streams } = this.#options;
    return clock.monotonicMs() >= this.#awayUntilMs && jetstream.link.isKeepingUp(streams.tickets(this.shard));
  }

  async add(task: Task, { parked }: { parked: boolean }): Promise<void> {
    const { jetstream, streams } = this.#options;
    const stream = parked ? streams.records(this.shard) : streams.tickets(this.shard);
    if (!jetstream.link.isKeepingUp(stream)) {
      throw jetstream.link.errors.unavailable(`behind ${stream}`, `${stream} is not keeping up`);
    }
    try {
      if (parked) await this.#records.write({ task, hold: null, parked, by: null }, 0);
      else await this.#tickets.write(task);
    } catch (error) {
      // A cluster that looks for a leader of this stream has those of others: new tasks go there for a while.
      if (error instanceof Unavailable) this.#awayUntilMs = this.#options.clock.monotonicMs() + error.retryAfterMs;
      throw error;
    }
  }

  async take(agentId: string, assign: (task: Task, atMs: number) => Task, hint: number): Promise<Taken | undefined> {
    for (const priority of this.#lanesFrom(priorityOfRank(hint))) {
      for (let ticket = await this.#tickets.take(priority); ticket; ticket = await this.#tickets.take(priority)) {
        const taken = await this.#assign(ticket, agentId, assign);
        if (taken) return taken;
      }
    }
    return undefined;
  }

  async end(hold: RevisionHold, ending: Ending): Promise<boolean> {
    hold.isEnding = true;
    await hold.writing;
    const { ack, token } = hold.recorded;
    try {
      if (!(await this.#writeEnd(hold, { task: ending.after, hold: null, parked: false, by: token }))) return false;
    } catch (error) {
      hold.isEnding = false;
      throw error;
    }
    this.#options.holders.forget(token);
    if (ending.type === "complete") this.#tickets.drop(ack);
    // Known to be back, so that its agent, which is free now, finds it before what has waited less.
    else if (ending.type === "requeue") await this.#tickets.giveBack(ack).catch(leftToTheLease);
    // A dead letter may be queued again at once, by a ticket that must not meet the old one.
    else await this.#tickets.dropSurely(ack).catch(leftToTheLease);
    return true;
  }

  async adopt(stored: StoredRecord, agentId: string): Promise<Hold | undefined> {
    const { hold, revision, task } = stored;
    if (!hold) return undefined;
    const recorded = { ...hold, node: this.#options.node, token: this.#options.tokens.next(agentId) };
    const written = await this.#records.write({ task, hold: recorded, parked: false, by: recorded.token }, revision);
    if (written === undefined) return undefined;
    this.#tickets.extend(recorded.ack);
    return this.#held(task.id, recorded, written);
  }

  /** The lease is the ticket's, but the hold is the record's: as long as nobody has written that, nothing is lost. */
  async regain(hold: RevisionHold): Promise<Hold | undefined> {
    const { record, revision } = await this.#records.read(hold.taskId);
    const { ack, token } = hold.recorded;
    if (record?.hold?.token !== token) return undefined;
    this.#tickets.extend(ack);
    return this.#held(hold.taskId, hold.recorded, revision);
  }

  async renew(holds: readonly RevisionHold[]): Promise<Hold[]> {
    const lost: Hold[] = [];
    await eachOf(holds, async (hold) => {
      const { revision } = await this.#records.read(hold.taskId);
      if (hold.isEnding) return;
      if (revision !== hold.revision) {
        lost.push(hold);
        return;
      }
      this.#options.holders.note(hold.recorded.token);
      this.#tickets.extend(hold.recorded.ack);
    });
    return lost;
  }

  async note(hold: RevisionHold, task: Task): Promise<void> {
    if (hold.isEnding) return;
    const { recorded } = hold;
    const writing = this.#write(hold, { task, hold: recorded, parked: false, by: recorded.token });
    hold.writing = writing.then(
      () => undefined,
      // Who waits for it learns from the next write's refusal.
      () => undefined,
    );
    await writing;
  }

  /** Looks at tickets that are on their second delivery at least; those of living holders stay with them. */
  async returnLost(): Promise<number> {
    const counts = await this.#options.lanes.counts();
    let returned = 0;
    for (const priority of PRIORITIES) {
      const lane = counts.get(this.#tickets.laneOf(priority));
      if (lane?.unacknowledged) returned += await this.#returnLane(priority, lane.pending === 0);
    }
    return returned;
  }

  async read(taskId: string): Promise<StoredRecord | undefined> {
    for (let tries = 0; tries < 2; tries++) {
      const { record, revision } = await this.#records.read(taskId);
      if (record) return { ...record, revision, ticket: undefined };
      if (revision > 0) return undefined;
      const ticket = await this.#tickets.find(taskId);
      if (ticket) return { task: ticket.task, parked: false, hold: null, revision: 0, ticket: ticket.seq };
      // Between the two reads it may have been assigned and completed.
    }
    return undefined;
  }

  async change(stored: StoredRecord, change: Change): Promise<boolean> {
    const { hold, revision, task } = stored;
    switch (change.type) {
      case "discard":
        if (!(await this.#records.discard(task, revision))) return false;
        await this.#removeTicket(stored);
        return true;
      case "expire":
        if (!(await this.#changeTo(change.after, revision))) return false;
        await this.#removeTicket(stored);
        return true;
      case "unpark":
        if (!stored.parked || !(await this.#changeTo(task, revision))) return false;
        await this.#tickets.write(task);
        return true;
      case "exhume":
        if (hold) return false;
        if (change.parked) {
          return (
            (await this.#records.write({ task: change.after, hold: null, parked: true, by: null }, revision)) !== undefined
          );
        }
        if (!(await this.#changeTo(change.after, revision))) return false;
        await this.#tickets.write(change.after);
        return true;
    }
  }

  list(status: TaskStatus | undefined): Promise<Task[]> {
    return listTasks(this.#tickets, this.#records, status);
  }

  async counts(): Promise<QueueCounts> {
    return countsOf(this.#tickets, await this.#options.lanes.counts(), await this.#records.states());
  }

  longWaiting(beforeMs: number): Promise<StoredRecord[]> {
    return longWaitingTasks(this.#tickets, this.#records, beforeMs);
  }

  async addCompleted(past: readonly CompletedPast[]): Promise<void> {
    await eachOf(past, async ({ after }) => {
      await this.#records.write({ task: after, hold: null, parked: false, by: null }, 0);
    });
  }

  /** What waits of each priority and was never delivered. */
  async waiting(): Promise<number[]> {
    const counts = await this.#options.lanes.counts();
    return PRIORITIES.map((priority) => counts.get(this.#tickets.laneOf(priority))?.pending ?? 0);
  }

  /** Writes the ticket of a queued task anew, if it has none: a node died between its record and its ticket. */
  async mend(taskId: string): Promise<void> {
    const { record } = await this.#records.read(taskId);
    if (record?.task.status === "queued" && !record.parked) await this.#tickets.write(record.task);
  }

  async #assign(ticket: Ticket, agentId: string, assign: (task: Task, atMs: number) => Task): Promise<Taken | undefined> {
    const { clock, node, tokens } = this.#options;
    const { ack, deliveries, seq } = ticket;
    // One that was delivered for the first time has no record, or the write is refused.
    let read = deliveries === 1 ? { record: undefined, revision: 0 } : await this.#records.read(ticket.task.id);
    for (;;) {
      const use = await this.#useOf(ticket, read);
      if (use.type === "drop") this.#tickets.drop(ack);
      if (use.type !== "assign") return undefined;
      const task = assign(use.task, clock.nowMs());
      const recorded = { node, token: tokens.next(agentId), ticket: seq, deliveries, ack };
      const written = await this.#records.write({ task, hold: recorded, parked: false, by: recorded.token }, read.revision);
      if (written !== undefined) return { hold: this.#held(task.id, recorded, written), task };
      read = await this.#records.read(task.id);
    }
  }

  async #useOf(ticket: Ticket, { record, revision }: { record: TaskRecord | undefined; revision: number }): Promise<Use> {
    if (!record) return revision === 0 ? { type: "assign", task: ticket.task } : { type: "drop" };
    const { hold, parked, task } = record;
    switch (task.status) {
      case "completed":
      case "dead_letter":
        return { type: "drop" };
      case "queued":
        return parked ? { type: "leave" } : { type: "assign", task };
      case "assigned": {
        if (!hold) throw new Error(`task ${task.id} is assigned and nobody holds it`);
        if (hold.ticket === ticket.seq && hold.deliveries >= ticket.deliveries) return { type: "leave" };
        if (await this.#options.holders.isAlive(hold)) return { type: "leave" };
        return { type: "assign", task: withoutLease(task, this.#options.clock.nowMs()) };
      }
    }
  }

  /**
   * Until a ticket comes that was never delivered, or none. Back in order, so that the order among them stays. `hidden`: nothing
   * else in the lane tells that tasks wait there, so those that were returned before count too, in case nobody heard of it.
   */
  async #returnLane(priority: number, hidden: boolean): Promise<number> {
    const back: string[] = [];
    let returned = 0;
    for (let looked = 0; looked < RETURNED_AT_ONCE; looked++) {
      const ticket = await this.#tickets.take(priority);
      if (!ticket) break;
      const outcome = await this.#return(ticket).catch(keptAsItIs);
      if (outcome !== "kept") back.push(ticket.ack);
      if (ticket.deliveries === 1) break;
      if (outcome === "lost" || (outcome === "waiting" && hidden)) returned++;
    }
    // Known to be back before anybody is told: the server takes acknowledgements and pulls from two queues, and who pulled at once found nothing.
    await eachOf(back, (ack) => this.#tickets.giveBack(ack).catch(leftToTheLease));
    return returned;
  }

  /** `kept`: it is somebody's, or over. */
  async #return(ticket: Ticket): Promise<"kept" | "waiting" | "lost"> {
    const read = await this.#records.read(ticket.task.id);
    const use = await this.#useOf(ticket, read);
    if (use.type === "drop") this.#tickets.drop(ticket.ack);
    if (use.type !== "assign") return "kept";
    if (read.record?.task.status === "queued") return "waiting";
    // A record also of one that was never assigned, since a lane counts only tickets that were never delivered.
    if (!(await this.#changeTo(use.task, read.revision))) return "kept";
    return read.record ? "lost" : "waiting";
  }

  async #changeTo(task: Task, revision: number): Promise<boolean> {
    return (await this.#records.write({ task, hold: null, parked: false, by: null }, revision)) !== undefined;
  }

  async #write(hold: RevisionHold, record: TaskRecord): Promise<boolean> {
    try {
      const written = await this.#records.write(record, hold.revision);
      if (written === undefined) return false;
      hold.revision = written;
      return true;
    } catch (error) {
      hold.isInDoubt = true;
      throw error;
    }
  }

  /** True also for a write that was done before and whose answer was lost; tried again after a note whose answer was. */
  async #writeEnd(hold: RevisionHold, end: TaskRecord): Promise<boolean> {
    if (await this.#write(hold, end)) return true;
    if (!hold.isInDoubt) return false;
    const { record, revision } = await this.#records.read(hold.taskId);
    const { generation, status } = end.task;
    if (record?.by === end.by && record?.task.status === status && record.task.generation === generation) return true;
    if (record?.hold?.token !== hold.recorded.token) return false;
    hold.revision = revision;
    return this.#write(hold, end);
  }

  async #removeTicket({ hold, task, ticket }: StoredRecord): Promise<void> {
    if (hold) return this.#tickets.dropSurely(hold.ack);
    const seq = ticket ?? (await this.#tickets.find(task.id))?.seq;
    if (seq !== undefined) await this.#tickets.remove(seq);
  }

  #held(taskId: string, recorded: RecordedHold, revision: number): RevisionHold {
    this.#options.holders.note(recorded.token);
    return { taskId, recorded, revision, writing: undefined, isInDoubt: false, isEnding: false };
  }

  /** This lane first, then the others that there are. */
  #lanesFrom(first: number): number[] {
    const others = PRIORITIES.filter((each) => each !== first && this.#options.lanes.has(this.#tickets.laneOf(each)));
    return [first, ...others];
  }
}

/** The number of a routing class as a token of subjects. */
export function classTokenOf(classNumber: number): string {
  return classNumber.toString(16).padStart(4, "0");
}

/** The reverse of the backlog's rank, as far as the lane goes. */
function priorityOfRank(rank: number): number {
  return Math.max(0, Math.min(PRIORITIES.length - 1, Math.floor(rank / 2 ** 42)));
}

function withoutLease(task: Task, nowMs: number): Task {
  const next = transition(task, { type: "reclaim", reason: "lease_expired" }, nowMs);
  if (!next.ok || !next.task) throw new Error(`task ${task.id} is ${task.status} and cannot lose its lease`);
  return next.task;
}

/** The record is written; its ticket comes back by itself, and whoever gets it sees what became of the task. */
function leftToTheLease(error: unknown): void {
  if (!isEngineRefusal(error)) throw error;
}

/** A task that the stream does not take as it would be must not keep the others from being returned. */
function keptAsItIs(error: unknown): "kept" {
  if (!(error instanceof Refused)) throw error;
  return "kept";
}

/** All at once, up to a limit. */
async function eachOf<T>(all: readonly T[], run: (each: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += AT_ONCE) await Promise.all(all.slice(at, at + AT_ONCE).map(run));
}
