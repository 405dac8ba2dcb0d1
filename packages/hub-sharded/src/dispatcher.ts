/**
 * Brings waiting tasks and this node's idle agents together. A node looks into a queue only for an agent that qualifies, and
 * only when a task is believed to wait there: because one was submitted here, because another node said so, or because the
 * slow probe counted it.
 */
import { IdleAgents } from "@hubscale/hub-core";
import { type Clock, type Roster, Unavailable } from "@hubscale/hub-runtime";
import { Backlog, FIRST_RANK, type Look, rankOf } from "./backlog.ts";
import type { NodeChannel } from "./node-channel.ts";
import type { QueueMap } from "./queue-map.ts";
import type { RedisLink } from "./redis-link.ts";
import { priorityOfScore, type ShardQueue, type Taken } from "./shard-queue.ts";

export interface DispatcherOptions {
  link: RedisLink;
  queues: QueueMap;
  channel: NodeChannel;
  roster: Roster;
  clock: Clock;
  /** A new token for a hold of this agent. */
  newToken(agentId: string): string;
  /**
   * A task was taken for this agent, `askedAtMs` being when Redis was asked. Hands it over or puts it back; the host beside
   * which its class prefers agents, if any.
   */
  receive(taken: Taken, from: { queue: ShardQueue; agentId: string; askedAtMs: number }): string | null;
  /** Something failed that must not: the hub has to stop. */
  onFault(error: unknown): void;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #idle = new IdleAgents();
  readonly #backlog = new Backlog<ShardQueue>();
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
    const agent = this.#options.roster.get(agentId);
    if (agent?.state !== "idle" || this.#isClosing || this.#looking.has(agentId)) return;
    this.#idle.remove(agentId);
    const queue = this.#backlog.next(agent);
    if (queue) this.#look(queue, agentId, this.#backlog.look(queue));
    else this.#idle.add(agent);
  }

  /** It is disconnected, or goes on with a task of another node. */
  agentGone(agentId: string): void {
    this.#idle.remove(agentId);
  }

  /** Sends an agent of this node for a task that was just put into the queue. False: no idle one qualifies. */
  fetch(queue: ShardQueue): boolean {
    return this.#send(queue, undefined);
  }

  /** One task more waits in the queue: an agent of this node goes for it, or all nodes are told. */
  offer(queue: ShardQueue, rank: number): void {
    if (!this.fetch(queue)) this.announce(queue, [rank]);
  }

  /** Tells all nodes, this one included, that tasks of these ranks wait. */
  announce(queue: ShardQueue, ranks: readonly number[]): void {
    const { classNumber, shard } = queue;
    this.#options.channel.send({ type: "waiting", classNumber, shard, ranks });
    this.heard(queue, ranks);
  }

  /** Tasks are said to wait. */
  heard(queue: ShardQueue, ranks: readonly number[]): void {
    this.#backlog.note(queue, ranks);
    this.#drain(queue);
  }

  /** Counts what waits in the queues that an idle agent could serve: finds what was missed. Cheap, but not for every second. */
  async probe(): Promise<void> {
    for (const { agentId } of this.#options.roster.idleAgents()) if (!this.#idle.has(agentId)) this.agentReady(agentId);
    if (this.#idle.size === 0 || this.#isClosing) return;
    const { queues, link } = this.#options;
    await link.run(() => queues.refresh());
    const servable = [...queues.all()].filter((queue) => this.#idle.best(queue.className, null) !== undefined);
    for (let at = 0; at < servable.length; at += PROBE_CHUNK) await this.#count(servable.slice(at, at + PROBE_CHUNK));
  }

  /** Looks no more; resolves when the last look has ended. */
  async close(): Promise<void> {
    this.#isClosing = true;
    while (this.#looks.size > 0) await Promise.all(this.#looks);
  }

  async #count(queues: readonly ShardQueue[]): Promise<void> {
    const { link } = this.#options;
    const pipeline = link.commands.pipeline();
    for (const queue of queues) {
      pipeline.llen(queue.keyOf("wait"));
      pipeline.zcard(queue.keyOf("prioritized"));
      pipeline.zrange(queue.keyOf("prioritized"), 0, "0", "WITHSCORES");
    }
    const replies = (await link.run(() => pipeline.exec())) ?? [];
    queues.forEach((queue, index) => {
      const [returned, waiting, head] = replies.slice(index * 3, index * 3 + 3).map(([, value]) => value);
      const first = (head as string[] | undefined)?.[1];
      // What came back from a lost lease is served first, whatever its priority.
      const isOrdered = Number(returned) === 0 && first !== undefined;
      const firstRank = isOrdered ? rankOf({ priority: priorityOfScore(Number(first)), created_at: 0 }) : FIRST_RANK;
      this.#backlog.correct(queue, { count: Number(returned) + Number(waiting), firstRank });
      this.#drain(queue);
    });
  }

  #drain(queue: ShardQueue): void {
    while (this.#backlog.estimateOf(queue) > 0) if (!this.#send(queue, this.#backlog)) return;
  }

  /** Sends the best idle agent to look. `counted` undefined: for a task that the backlog does not count. False: none qualifies. */
  #send(queue: ShardQueue, counted: Backlog<ShardQueue> | undefined): boolean {
    if (this.#isClosing) return false;
    const agent = this.#idle.best(queue.className, this.#preferredHost.get(queue.classNumber) ?? null);
    if (!agent) return false;
    this.#idle.remove(agent.agentId);
    this.#look(queue, agent.agentId, counted?.look(queue));
    return true;
  }

  #look(queue: ShardQueue, agentId: string, look: Look<ShardQueue> | undefined): void {
    this.#looking.add(agentId);
    const looking = this.#take(queue, agentId, look)
      .catch((error: unknown) => {
        this.#looking.delete(agentId);
        if (error instanceof Unavailable) this.#rest(agentId);
        else this.#options.onFault(error);
      })
      .finally(() => this.#looks.delete(looking));
    this.#looks.add(looking);
  }

  async #take(queue: ShardQueue, agentId: string, look: Look<ShardQueue> | undefined): Promise<void> {
    const { clock, link, newToken } = this.#options;
    const askedAtMs = clock.nowMs();
    const taken = await link.run(() => queue.take(newToken(agentId), agentId));
    this.#looking.delete(agentId);
    if (!taken) {
      if (look) this.#backlog.missed(look);
      // Somebody else's agent was quicker, or this one came before the task: it may look once more.
      else this.#backlog.note(queue, [FIRST_RANK]);
      this.agentReady(agentId);
      return;
    }
    if (look) this.#backlog.found(look, rankOf(taken.task));
    const preferredHost = this.#options.receive(taken, { queue, agentId, askedAtMs });
    this.#preferredHost.set(queue.classNumber, preferredHost);
  }

  /** Idle, without a look: Redis does not answer, and the probe will find out when it does. */
  #rest(agentId: string): void {
    const agent = this.#options.roster.get(agentId);
    if (agent?.state === "idle" && !this.#idle.has(agentId)) this.#idle.add(agent);
  }
}

/** Queues counted by one pipeline. */
const PROBE_CHUNK = 256;
