/**
 * JetStream as its documentation has it used by hand: publish into a work-queue stream on disk, consume, acknowledge and wait for the
 * server's word that it has. As many streams as the hub has queue shards, since a server that syncs does so stream by stream.
 */
import { AckPolicy, jetstream, jetstreamManager, type JsMsg, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type RawEngine, ROW_BYTES } from "./raw-engine.ts";

const CONSUMER = "tasks";

export async function openJetstream(urls: readonly string[], name: string, streams: number): Promise<RawEngine> {
  const connection = await connect({ servers: [...urls] });
  const lanes = await Promise.all(Array.from({ length: streams }, (_, n) => openLane(connection, `${name}-${n}`)));
  let passed = 0;
  return {
    pass: () => (lanes[passed++ % lanes.length] as RawEngine).pass(),
    close: async () => {
      await Promise.all(lanes.map((lane) => lane.close()));
      await connection.close();
    },
  };
}

async function openLane(connection: NatsConnection, stream: string): Promise<RawEngine> {
  const manager = await jetstreamManager(connection);
  const subject = `${stream}.task`;
  await manager.streams.add({
    name: stream,
    subjects: [subject],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
  });
  await manager.consumers.add(stream, { durable_name: CONSUMER, ack_policy: AckPolicy.Explicit });
  const client = jetstream(connection);
  const consumer = await client.consumers.get(stream, CONSUMER);
  const messages = await consumer.consume();
  const takers: ((message: JsMsg) => void)[] = [];
  const arrived: JsMsg[] = [];
  const delivery = (async () => {
    for await (const message of messages) {
      const taker = takers.shift();
      if (taker) taker(message);
      else arrived.push(message);
    }
  })();
  const row = "x".repeat(ROW_BYTES);
  return {
    async pass() {
      await client.publish(subject, row);
      const message = arrived.shift() ?? (await new Promise<JsMsg>((resolve) => takers.push(resolve)));
      if (!(await message.ackAck())) throw new Error("JetStream did not take an acknowledgement");
    },
    async close() {
      await messages.close();
      await delivery;
      await manager.streams.delete(stream);
    },
  };
}
