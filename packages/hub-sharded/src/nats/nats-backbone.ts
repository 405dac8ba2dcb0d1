/** The hub's tasks in JetStream: opens the link, checks what the servers promise, and wires the ports. */
import {
  type BackplaneDescription,
  Cached,
  type Clock,
  type DurabilityLevel,
  type RandomHex,
  Unavailable,
} from "@hubscale/hub-runtime";
import { LIMITS } from "@hubscale/protocol";
import { type Backbone, CannotStart, isEngineRefusal } from "../backbone.ts";
import { EventBus } from "../event-bus.ts";
import { HoldTokens } from "../hold-tokens.ts";
import { durabilityRefusal, type NatsDurability, readDurability } from "./durability.ts";
import { RETRY_AFTER_MS } from "./engine-errors.ts";
import { Holders } from "./holders.ts";
import { HubBucket } from "./hub-bucket.ts";
import { HubStreams } from "./hub-streams.ts";
import { JetStream } from "./jetstream.ts";
import { NatsBackplane } from "./nats-backplane.ts";
import { NatsBroadcast } from "./nats-broadcast.ts";
import { NatsLink } from "./nats-link.ts";
import { NatsParkedTasks } from "./nats-parked-tasks.ts";
import { NatsSubmissions } from "./nats-submissions.ts";
import { NatsQueueDirectory } from "./nats-queue-directory.ts";
import { RecordKeeping } from "./record-keeping.ts";

export interface NatsBackboneOptions {
  node: string;
  /** One server, or all of a cluster. */
  natsUrls: readonly string[];
  /** Monitoring ports of these servers, as `http://host:8222`. */
  natsMonitors: readonly string[];
  /** Of each stream. */
  replicas: number;
  namespace: string;
  shards: number;
  leaseMs: number;
  durability: DurabilityLevel;
  /** Completed tasks that the hub keeps, the newest. */
  keepCompleted: number;
  clock: Clock;
  randomHex: RandomHex;
  onFault(error: unknown): void;
  log(line: string): void;
}

/** Throws `CannotStart`. */
export async function openNatsBackbone(options: NatsBackboneOptions): Promise<Backbone> {
  const { clock, log, namespace, node, randomHex, replicas, shards } = options;
  const link = await connect(options, log);
  try {
    const found = await durabilityOf(link, options);
    const refusal = durabilityRefusal(options.durability, found);
    if (refusal !== undefined) throw new CannotStart(refusal);
    const documentBytes = documentBytesOf(link);
    const jetstream = new JetStream(link, { direct: replicas === 1 });
    const streams = new HubStreams(namespace, shards);
    await patiently(() => streams.make(jetstream, replicas), options);
    const bucket = new HubBucket(jetstream, streams);
    await agreeOnShards(bucket, options);
    const holders = new Holders({ ...options, link, streams });
    const parts = { ...options, jetstream, streams, bucket };
    const queues = new NatsQueueDirectory({ ...parts, holders, tokens: new HoldTokens(node, randomHex) });
    await queues.refresh();
    const claim = (duty: string, forMs: number) => claimIn(bucket, clock, duty, forMs);
    const keeping = new RecordKeeping({ ...parts, queues, claim });
    const broadcast = new NatsBroadcast(link, namespace);
    const endAsking = found.unanswered.length > 0 ? askAgain(link, options) : () => undefined;
    const bus = new EventBus(broadcast, clock);
    const durability = new Cached(clock, () => durabilityOf(link, options));
    return {
      queues,
      broadcast,
      claim,
      parked: new NatsParkedTasks(bucket),
      submissions: new NatsSubmissions(jetstream, streams),
      backplane: new NatsBackplane({
        ...parts,
        bus,
        documentBytes,
        describe: async () => describe({ ...options, documentBytes }, await durability.get(), queues),
      }),
      // A stream and its consumers are served by several threads of the server.
      servesInOrder: false,
      close() {
        endAsking();
        keeping.close();
        holders.close();
        link.close();
      },
    };
  } catch (error) {
    link.close();
    throw error instanceof Unavailable
      ? new CannotStart(`NATS at ${hostsOf(options.natsUrls)} is up, but its JetStream is not: ${error.message}`, {
          cause: error,
        })
      : error;
  }
}

async function connect({ natsUrls, node }: NatsBackboneOptions, log: (line: string) => void): Promise<NatsLink> {
  try {
    return await NatsLink.open({ servers: natsUrls, node, log });
  } catch (cause) {
    const message = `no answer from NATS at ${hostsOf(natsUrls)}: start one there, or name another with --nats`;
    throw new CannotStart(message, { cause });
  }
}

/** What a server's messages leave for a task. Throws `CannotStart` for a server that takes too little. */
function documentBytesOf({ connection }: NatsLink): number {
  const besideBytes = LIMITS.engineRoomBytes + LIMITS.hubRecordBytes + LIMITS.resultBytes;
  const payloadBytes = connection.info?.max_payload ?? 0;
  const documentBytes = payloadBytes - besideBytes;
  if (documentBytes >= LIMITS.documentBytesMin) return Math.min(documentBytes, LIMITS.documentBytes);
  throw new CannotStart(
    `NATS takes messages of ${payloadBytes} bytes at most, and a task with its result needs ${besideBytes + LIMITS.documentBytesMin}: ` +
      "set max_payload in the server's configuration, 1MB is its default",
  );
}

/** A cluster that has just started has no leader for a moment. */
async function patiently(run: () => Promise<void>, { clock }: NatsBackboneOptions): Promise<void> {
  const untilMs = clock.nowMs() + LEADER_WITHIN_MS;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Unavailable) || clock.nowMs() > untilMs) throw error;
      await new Promise<void>((resolve) => clock.after(LOOK_EVERY_MS, resolve));
    }
  }
}

const LEADER_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 200;

const hostsOf = (urls: readonly string[]) => urls.map((url) => new URL(url).host).join(", ");

async function durabilityOf(
  { connection }: NatsLink,
  { natsMonitors, replicas }: NatsBackboneOptions,
): Promise<NatsDurability> {
  const { info } = connection;
  if (!info) throw new Unavailable("NATS has not said what it is", RETRY_AFTER_MS);
  return readDurability(info, natsMonitors, replicas);
}

/** Until all servers that were down at the start have said what they keep. A hub at work is not ended for one that keeps less. */
function askAgain(link: NatsLink, options: NatsBackboneOptions): () => void {
  const { clock, durability, log } = options;
  const cancel = clock.every(ASK_AGAIN_MS, () => {
    const noted = durabilityOf(link, options).then((found) => {
      if (found.unanswered.length > 0) return;
      cancel();
      log(`nats: all servers answer again; ${durabilityRefusal(durability, found) ?? found.how}`);
    });
    noted.catch((error: unknown) => {
      if (!isEngineRefusal(error)) options.onFault(error);
    });
  });
  return cancel;
}

const ASK_AGAIN_MS = 10_000;

/** A task's id names its shard, so all nodes must count alike, now and after a restart. */
async function agreeOnShards(bucket: HubBucket, { namespace, shards }: NatsBackboneOptions): Promise<void> {
  await bucket.create(String(shards), "hub", "shards");
  const agreed = Number(await bucket.get("hub", "shards"));
  if (agreed === shards) return;
  throw new CannotStart(
    `namespace ${namespace} has ${agreed} shards, not ${shards}: use --shards ${agreed} or another --namespace`,
  );
}

/** An entry with the time until which the duty is taken; of two who find it free, one can write it. */
async function claimIn(bucket: HubBucket, clock: Clock, duty: string, forMs: number): Promise<boolean> {
  const { revision, text } = await bucket.read("duty", duty);
  const nowMs = clock.nowMs();
  if (text !== undefined && nowMs < Number(text)) return false;
  return bucket.update(String(nowMs + forMs), revision, "duty", duty);
}

function describe(
  options: NatsBackboneOptions & { documentBytes: number },
  { how, level, natsVersion }: Awaited<ReturnType<typeof durabilityOf>>,
  queues: NatsQueueDirectory,
): BackplaneDescription {
  const { keepCompleted, leaseMs, namespace, natsUrls, node, replicas, shards } = options;
  const size = [...queues.all()].length;
  return {
    hub: "sharded-nats",
    node,
    // A server that was turned down since the start keeps less than any level; `how` says so.
    durability: { verified: level ?? null, how: level === undefined ? `not durable at all; ${how}` : how },
    details: {
      nats_version: natsVersion,
      nats_servers: natsUrls.length,
      replicas,
      namespace,
      shards,
      routing_classes: size / shards,
      queues: size,
      lease_ms: leaseMs,
      kept_completed: keepCompleted,
      document_bytes: options.documentBytes,
    },
  };
}
