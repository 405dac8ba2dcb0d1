/** The streams of a hub, their names and subjects. The buckets are NATS key-value stores as any other: `nats kv get` reads them. */
import { LIMITS, TIMERS } from "@hubscale/protocol";
import { CannotStart } from "../backbone.ts";
import { JetStreamError } from "./engine-errors.ts";
import type { JetStream } from "./jetstream.ts";

/** Messages that wait for an agent that is offline; the oldest go first. */
const MAILBOX_ENTRIES_MAX = 1_000;
/** JetStream's codes of what the operator can mend. */
const OTHER_CONFIGURATION = 10_058;
const REPLICAS_NEED_CLUSTER = new Set([10_074, 10_052, 10_005]);

export class HubStreams {
  readonly namespace: string;
  readonly shards: number;

  constructor(namespace: string, shards: number) {
    this.namespace = namespace;
    this.shards = shards;
  }

  /** Everything that is not a task: tokens, endpoints, routing classes, parked tasks, duties. */
  get hub(): string {
    return `KV_${this.namespace}-hub`;
  }

  hubKey(...parts: readonly string[]): string {
    return `$KV.${this.namespace}-hub.${parts.join(".")}`;
  }

  get history(): string {
    return `${this.namespace}-history`;
  }

  get historySubject(): string {
    return `${this.namespace}.history`;
  }

  get mailboxes(): string {
    return `${this.namespace}-mailboxes`;
  }

  mailbox(agentId: string): string {
    return `${this.namespace}.mailbox.${tokenOf(agentId)}`;
  }

  get submissions(): string {
    return `${this.namespace}-submissions`;
  }

  /** `hash`: of an `Idempotency-Key` and its user. */
  submission(hash: string): string {
    return `${this.namespace}.submission.${hash}`;
  }

  /** The tasks of a shard that were assigned once, or wait for others. */
  records(shard: number): string {
    return `KV_${this.namespace}-tasks-${shard}`;
  }

  record(shard: number, className: string, taskId: string): string {
    return `$KV.${this.namespace}-tasks-${shard}.${className}.${taskId}`;
  }

  /** What waits in a shard or is held: a message for each task. */
  tickets(shard: number): string {
    return `${this.namespace}-tickets-${shard}`;
  }

  ticket(shard: number, className: string, priority: number | "*", taskId: string): string {
    return `${this.namespace}.ticket.${shard}.${className}.${priority}.${taskId}`;
  }

  /** Where a node is asked whether it still holds a task. */
  holder(node: string): string {
    return `${this.namespace}.holder.${tokenOf(node)}`;
  }

  /** Makes what is missing. Throws `CannotStart` when there are streams of this hub with other settings. */
  async make(jetstream: JetStream, replicas: number): Promise<void> {
    const shared = { storage: "file", num_replicas: replicas, discard: "old", max_msgs_per_subject: -1 };
    const bucket = {
      ...shared,
      max_msgs_per_subject: 1,
      allow_rollup_hdrs: true,
      allow_direct: replicas === 1,
      discard: "new",
    };
    const { namespace } = this;
    const configs = [
      { ...bucket, name: this.hub, subjects: [this.hubKey(">")] },
      { ...shared, name: this.history, subjects: [this.historySubject], max_msgs: LIMITS.messageHistoryEntries },
      {
        ...shared,
        name: this.mailboxes,
        subjects: [`${namespace}.mailbox.*`],
        max_msgs_per_subject: MAILBOX_ENTRIES_MAX,
        allow_direct: replicas === 1,
      },
      {
        ...shared,
        name: this.submissions,
        subjects: [this.submission("*")],
        max_msgs_per_subject: 1,
        // Nanoseconds.
        max_age: TIMERS.submissionKeyKeptMs * 1e6,
        allow_direct: replicas === 1,
      },
      ...this.#eachShard((shard) => ({ ...bucket, name: this.records(shard), subjects: [this.record(shard, "*", "*")] })),
      ...this.#eachShard((shard) => ({
        ...shared,
        name: this.tickets(shard),
        subjects: [this.ticket(shard, "*", "*", "*")],
        retention: "workqueue",
        allow_direct: replicas === 1,
        discard: "new",
      })),
    ];
    try {
      for (const config of configs) await jetstream.makeStream(config);
    } catch (error) {
      throw error instanceof JetStreamError && !error.isPassing ? cannotStart(error, namespace, replicas) : error;
    }
  }

  #eachShard<T>(make: (shard: number) => T): T[] {
    return Array.from({ length: this.shards }, (_, shard) => make(shard));
  }
}

/** Any text as one token of a subject or key. */
export function tokenOf(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}

export function textOf(token: string): string {
  return Buffer.from(token, "base64url").toString("utf8");
}

function cannotStart(error: JetStreamError, namespace: string, replicas: number): CannotStart {
  if (error.code === OTHER_CONFIGURATION) {
    const message = `namespace ${namespace} has streams with another number of replicas than ${replicas}: use the --replicas that it was made with, or another --namespace`;
    return new CannotStart(message, { cause: error });
  }
  if (REPLICAS_NEED_CLUSTER.has(error.code)) {
    const message = `--replicas ${replicas} needs a JetStream cluster of at least ${replicas} servers that are up: name them all with --nats url,url,url, or use --replicas 1`;
    return new CannotStart(message, { cause: error });
  }
  return new CannotStart(`the streams of namespace ${namespace} cannot be made: ${error.message}`, { cause: error });
}
