/** BullMQ as its documentation has it used by hand: add a job, fetch the next one, complete it. One queue for each server. */
import { Queue, Worker } from "bullmq";
import { type RawEngine, RESULT_BYTES, ROW_BYTES } from "./raw-engine.ts";

const LOCK_MS = 30_000;
/** Completed jobs kept by a queue, as the hub keeps some. */
const KEPT_COMPLETED = 2_500;

export async function openBullmq(urls: readonly string[], name: string): Promise<RawEngine> {
  const lanes = await Promise.all(urls.map((url) => openLane(url, name)));
  let passed = 0;
  return {
    pass: () => (lanes[passed++ % lanes.length] as RawEngine).pass(),
    close: async () => {
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

async function openLane(url: string, name: string): Promise<RawEngine> {
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port) };
  const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: { count: KEPT_COMPLETED } } });
  const worker = new Worker(name, null, {
    connection,
    autorun: false,
    lockDuration: LOCK_MS,
    removeOnComplete: { count: KEPT_COMPLETED },
  });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const row = "x".repeat(ROW_BYTES);
  const result = "x".repeat(RESULT_BYTES);
  let fetched = 0;
  return {
    async pass() {
      await queue.add("task", row);
      const job = await worker.getNextJob(`token ${++fetched}`, { block: false });
      // Every lane has added one before it fetches one, so there is one for each.
      if (!job?.token) throw new Error("BullMQ has no job for a lane that has just added one");
      await job.moveToCompleted(result, job.token, false);
    },
    async close() {
      await queue.obliterate({ force: true });
      await Promise.all([queue.close(), worker.close()]);
    },
  };
}
