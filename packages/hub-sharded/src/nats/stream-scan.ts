/**
 * Reads the messages of a stream that fit a filter, through a consumer that lives as long as the scan. In a cluster the consumer of a
 * replicated stream is on one server, which may be dead before anybody has noticed: a consumer that is not made soon is made again
 * beside it, and one that falls silent is replaced by another that goes on where it was.
 */
import { setTimeout } from "node:timers/promises";
import { nuid } from "@nats-io/transport-node";
import type { JetStream, StoredMessage } from "./jetstream.ts";
import { REPLY_WITHIN_MS } from "./nats-link.ts";

export interface StreamScan {
  stream: string;
  filter: string;
  /** Messages come without their text. */
  headersOnly: boolean;
}

/** A consumer is made in milliseconds; each further try has another server with a chance of two thirds. */
const MAKE_AGAIN_AFTER_MS = 500;
const CHUNK = 500;
/** Between pulls that found nothing: a route takes milliseconds to spread an interest, a follower tens of them to write. */
const EMPTY_PULL_MS = 5;
/** In a row without an answer from anybody who has the consumer, about half a second: its server is gone. */
const UNANSWERED_PULLS_MAX = 13;

/**
 * Hands all messages that fit and were there when it was called to `visit`, oldest first. Rejects with `Unavailable` rather than leave
 * some out.
 */
export async function scanStream(
  jetstream: JetStream,
  scan: StreamScan,
  visit: (message: StoredMessage) => void,
): Promise<void> {
  let throughSeq = await jetstream.lastSeq(scan.stream, scan.filter);
  let seenSeq = 0;
  let progressAtMs = performance.now();
  while (seenSeq < throughSeq) {
    const consumer = await consumerFrom(jetstream, scan, seenSeq + 1);
    let emptyPulls = 0;
    while (seenSeq < throughSeq && emptyPulls < UNANSWERED_PULLS_MAX) {
      const { isAnswered, messages } = await jetstream.pullScan(scan.stream, consumer, CHUNK);
      for (const message of messages) {
        seenSeq = message.seq;
        visit(message);
      }
      if (messages.length > 0) {
        emptyPulls = 0;
        progressAtMs = performance.now();
        continue;
      }
      // The server that was asked may not have heard of the consumer yet, or what was last has been removed.
      throughSeq = Math.min(throughSeq, await jetstream.lastSeq(scan.stream, scan.filter));
      if (performance.now() - progressAtMs > REPLY_WITHIN_MS) {
        throw jetstream.link.errors.unavailable(`scan ${scan.stream}`, `${scan.stream} cannot be read to its end`);
      }
      if (!isAnswered) break;
      await setTimeout(++emptyPulls * EMPTY_PULL_MS);
    }
    jetstream.removeScanConsumer(scan.stream, consumer);
  }
}

/** The first of several consumers that is made. */
async function consumerFrom(
  jetstream: JetStream,
  { filter, headersOnly, stream }: StreamScan,
  fromSeq: number,
): Promise<string> {
  const config = {
    filter_subject: filter,
    deliver_policy: "by_start_sequence",
    opt_start_seq: fromSeq,
    // Nanoseconds.
    inactive_threshold: 10_000_000_000,
    headers_only: headersOnly,
  };
  const names: string[] = [];
  const tries: Promise<string>[] = [];
  for (;;) {
    const name = nuid.next();
    names.push(name);
    tries.push(jetstream.makeScanConsumer(stream, name, config).then(() => name));
    // The first try fails in the end, if all are silent.
    const made = await Promise.race([...tries, setTimeout(MAKE_AGAIN_AFTER_MS, undefined, { ref: false })]);
    if (made === undefined) continue;
    for (const other of names) if (other !== made) jetstream.removeScanConsumer(stream, other);
    return made;
  }
}
