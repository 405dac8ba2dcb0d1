/**
 * Brings waiting tasks and this node's idle agents together. A node looks into a queue only for an agent that qualifies, and
 * only when a task is believed to wait there: because one was submitted here, because another node said so, or because the
 * slow probe counted it.
 */
import { IdleAgents } from "@hubscale/hub-core";
import type { Clock, Roster } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import { isEngineRefusal, type QueueDirectory, type Taken, type TaskQueue } from "./backbone.ts";
import { Backlog, FIRST_RANK, type Look, rankOf } from "./backlog.ts";
import type { NodeChannel } from "./node-channel.ts";

export interface DispatcherOptions {
  queues: QueueDirectory;
  channel: NodeChannel;
  roster: Roster;
  clock: Clock;
  /** The task as it is when this agent has it since `atMs`. */
  assigned(task: Task, agentId: string, atMs: number): Task;
  /**
   * A task was taken for this agent, `askedAtMs` (monotonic) being when the engine was asked. Hands it over or puts it back; the host beside
   * which its class prefers agents, if any.
   */
  receive(taken: Taken, from: { queue: TaskQueue; agentId: string; askedAtMs: number }): string | null;
  /** Something failed that must not: the hub has to stop. */
  onFault(error: unknown): void;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #idle = new IdleAgents();
  readonly #backlog = new Backlog<TaskQueue>();
  /** Agents for whom a look into a queue is under way. */
  readonly #looking = new Set<string>();
  readonly #looks = new Set<Promise<void>>();
  readonly #preferredHost = new Map<number, string | null>();
  #isClosing = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** An agent may be handed a task. */
  agentReady(agentId: string): void {
    const { roster } = this.#options;
    const agent = roster.get(agentId);
    if (!agent || !roster.isReady(agentId) || this.#isClosing || this.#looking.has(agentId)) return;
    this.#idle.remove(agentId);
    const queue = this.#backlog.next(agent);
    if (queue) this.#look(queue, agentId, { look: this.#backlog.look(queue) });
    else this.#idle.add(agent);
  }

  /** It is disconnected, or goes on with a task of another node. */
  agentGone(agentId: string): void {
    this.#idle.remove(agentId);
  }

  /** Sends an agent of this node for a task of this rank that was just put into the queue. False: no idle one qualifies. */
  fetch(queue: TaskQueue, rank: number): boolean {
    return this.#send(queue, rank);
  }

  /** One task more waits in the queue: an agent of this node goes for it, or all nodes are told. */
  offer(queue: TaskQueue, rank: number): void {
    if (!this.fetch(queue, rank)) this.announce(queue, [rank]);
  }

  /** Tells all nodes, this one included, that tasks of these ranks wait. */
  announce(queue: TaskQueue, ranks: readonly number[]): void {
    const { classNumber, shard } = queue;
    this.#options.channel.send({ type: "waiting", classNumber, shard, ranks });
    this.heard(queue, ranks);
  }

  /** Tasks are said to wait. */
  heard(queue: TaskQueue, ranks: readonly number[]): void {
    this.#backlog.note(queue, ranks);
    this.#drain(queue);
  }

  /** Counts what waits in the queues that an idle agent could serve: finds what was missed. Cheap, but not for every second. */
  async probe(): Promise<void> {
    for (const { agentId } of this.#options.roster.idleAgents()) if (!this.#idle.has(agentId)) this.agentReady(agentId);
    if (this.#idle.size === 0 || this.#isClosing) return;
    const { queues } = this.#options;
    // What is known already can be counted while the directory is away.
    await queues.refresh().catch(ignoreOutage);
    const servable = [...queues.all()].filter((queue) => this.#idle.best(queue.className, null) !== undefined);
    const heads = await queues.heads(servable);
    servable.forEach((queue, index) => {
      const head = heads[index];
      if (head) this.#backlog.correct(queue, head);
      this.#drain(queue);
    });
  }

  /** Looks no more; resolves when the last look has ended. */
  async close(): Promise<void> {
    this.#isClosing = true;
    while (this.#looks.size > 0) await Promise.all(this.#looks);
  }

  #drain(queue: TaskQueue): void {
    while (this.#backlog.estimateOf(queue) > 0) if (!this.#send(queue, undefined)) return;
  }

  /** Sends the best idle agent to look. `rank`: of a task that the backlog does not count. False: none qualifies. */
  #send(queue: TaskQueue, rank: number | undefined): boolean {
    if (this.#isClosing) return false;
    const agent = this.#idle.best(queue.className, this.#preferredHost.get(queue.classNumber) ?? null);
    if (!agent) return false;
    this.#idle.remove(agent.agentId);
    this.#look(queue, agent.agentId, rank === undefined ? { look: this.#backlog.look(queue) } : { rank });
    return true;
  }

  #look(queue: TaskQueue, agentId: string, what: Sought): void {
    this.#looking.add(agentId);
    const looking = this.#take(queue, agentId, what)
      .catch((error: unknown) => {
        this.#looking.delete(agentId);
        if (isEngineRefusal(error)) this.#rest(agentId);
        else this.#options.onFault(error);
      })
      .finally(() => this.#looks.delete(looking));
    this.#looks.add(looking);
  }

  async #take(queue: TaskQueue, agentId: string, { look, rank }: Sought): Promise<void> {
    const { assigned, clock, receive } = this.#options;
    const askedAtMs = clock.monotonicMs();
    const hint = Math.min(look?.rank ?? rank ?? FIRST_RANK, this.#backlog.rankOf(queue));
    const taken = await queue.take(agentId, (task, atMs) => assigned(task, agentId, atMs), hint);
    this.#looking.delete(agentId);
    if (!taken) {
      if (look) this.#backlog.missed(look);
      // Somebody else's agent was quicker, or this one came before the task: it may look once more.
      else this.#backlog.note(queue, [FIRST_RANK]);
      this.agentReady(agentId);
      return;
    }
    if (look) this.#backlog.found(look, rankOf(taken.task));
    const preferredHost = receive(taken, { queue, agentId, askedAtMs });
    this.#preferredHost.set(queue.classNumber, preferredHost);
  }

  /** Idle, without a look: the engine does not answer, and the probe will find out when it does. */
  #rest(agentId: string): void {
    const { roster } = this.#options;
    const agent = roster.get(agentId);
    if (agent && roster.isReady(agentId) && !this.#idle.has(agentId)) this.#idle.add(agent);
  }
}

/** What an agent is sent for: what the backlog counts, or a task that it does not count. */
type Sought = { look: Look<TaskQueue>; rank?: undefined } | { look?: undefined; rank: number };

function ignoreOutage(error: unknown): void {
  if (!isEngineRefusal(error)) throw error;
}
