/**
 * Tasks, results, errors and messages around what a hub stores of them, drawn from a seed, against each kind of hub, over NATS at the
 * smallest server on which one starts. Each is taken or refused in words before it is acknowledged; nothing holds an agent or a
 * task, and the hub lives.
 */
import { join } from "node:path";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { ConformanceContext } from "@hubscale/hub-runtime/testing";
import { LIMITS } from "@hubscale/protocol";
import { seededRandom } from "@hubscale/sidecar-sim";
import { ProcessCare } from "hubscale/machine";
import { provisionNats, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll, expect, it } from "vitest";
import { NodeProcess } from "../hub-sharded/node-process.ts";
import { redisForTests } from "../hub-sharded/start-redis.ts";
import { HubProcess, temporaryFolder } from "../hub-single/hub-process.ts";
import { bytesNear, documentText, whole } from "./record-sizes.ts";
import { Victim } from "./victim.ts";

/** HUBSCALE_TEST_SEED=n draws others. */
const SEED = Number(process.env.HUBSCALE_TEST_SEED ?? 1);
const TASKS = 30;
const MESSAGES = 24;
/** A server of this `max_payload` leaves a hub its least. */
const LEAST_PAYLOAD_BYTES = LIMITS.documentBytesMin + LIMITS.resultBytes + LIMITS.hubRecordBytes + LIMITS.engineRoomBytes;
/** Of a task without its description and metadata, about. */
const TASK_BYTES = 700;
/** Below `LIMITS.payloadBytes`, above which a connection is closed. */
const FRAME_BYTES_MAX = LIMITS.payloadBytes - 2_000;

interface TestedHub {
  ws: string;
  http: string;
  /** As an operator would; the exit code. */
  stop(): Promise<number | null>;
}

const ANSWERS = new Set(["message_sent", "error", "channel_message", "channel_published"]);

const redis = redisForTests();
let care: ProcessCare;
beforeAll(() => {
  care = new ProcessCare({ handleSignals: false });
});
afterAll(() => care.close());

async function singleHub(profile: "tuned" | "reference"): Promise<TestedHub> {
  const folder = await temporaryFolder();
  const hub = await HubProcess.ready(["--data", join(folder.path, "data"), "--profile", profile]);
  const stop = async () => {
    const { code } = await hub.kill("SIGTERM");
    await folder.remove();
    return code;
  };
  return { ws: hub.ws, http: hub.http, stop };
}

async function nodeOver(flags: readonly string[]): Promise<TestedHub> {
  const node = await NodeProcess.start(care, [...flags, "--namespace", `test-${systemRandomHex(4)}`]);
  const stop = async () => {
    await node.process.stop();
    return (await node.process.ended).code;
  };
  return { ws: node.ws, http: node.http, stop };
}

async function nodeOverLeastNats(): Promise<TestedHub> {
  const request = { care, sources: serverSourcesOf(process.env), durability: "process" } as const;
  const found = await provisionNats({ ...request, extraSettings: [["max_payload:", String(LEAST_PAYLOAD_BYTES)]] });
  if (!found.ok) throw new Error(found.refusal.message);
  const { monitorUrl = "", url } = found.server;
  return nodeOver(["--backbone", "nats", "--nats", url, "--nats-monitor", monitorUrl, "--durability", "process"]);
}

it.each([
  ["single-tuned", () => singleHub("tuned")],
  ["single-reference", () => singleHub("reference")],
  ["a node over Redis", () => nodeOver(redis.flags)],
  ["a node over the least NATS", nodeOverLeastNats],
] as const)("%s takes or refuses records of every size, and goes on", { timeout: 180_000 }, async (name, start) => {
  const hub = await start();
  const context = new ConformanceContext({ ws: hub.ws, http: hub.http }, 30_000);
  const random = seededRandom(SEED);
  const seen = { taken: 0, refused: 0, completed: 0, buried: 0, sent: 0, unsent: 0 };
  try {
    const described = (await context.http("GET", "/api/describe")).body as { details: { document_bytes: number } };
    const documentBytes = described.details.document_bytes;
    const worker = await context.agent("worker");
    const wrong: unknown[] = [];
    const isRefusal = (said: Record<string, unknown>) =>
      said["error"] === "payload_too_large" && typeof said["limit_bytes"] === "number";

    for (let number = 0; number < TASKS; number++) {
      const description = "€".repeat(whole(random, 10_001));
      const bytes = bytesNear(random, documentBytes - Buffer.byteLength(description) - TASK_BYTES);
      // One task has as long a history as any may have.
      const failures = seen.taken === 3 ? LIMITS.historyEntries + 5 : whole(random, 3);
      // What the reference hub takes for a sign of life.
      worker.client.send({ type: "ping" });
      const rest = JSON.stringify({
        description,
        assign_to: worker.agentId,
        max_retries: 99,
      });
      const body = `${rest.slice(0, -1)},"metadata":{"x":${documentText(random, bytes)}}}`;
      const answer = await context.http("POST", "/api/tasks", { token: worker.token, body });
      if (answer.status !== 201) {
        if (answer.status !== 413 || !isRefusal(answer.body as Record<string, unknown>)) wrong.push({ number, bytes, answer });
        seen.refused++;
        continue;
      }
      seen.taken++;
      const { task_id: taskId } = answer.body as { task_id: string };
      for (let failure = 0; failure < failures; failure++) {
        const { generation } = await worker.client.takeAssign(taskId);
        const error = "€".repeat(LIMITS.errorChars);
        worker.client.send({ type: "task_failed", task_id: taskId, generation, error });
        await worker.client.take((frame) => frame.type === "task_ack" && frame["status"] === "retried");
      }
      const { generation } = await worker.client.takeAssign(taskId);
      // What fits beside every task, or what this one leaves.
      const leftBytes = documentBytes + LIMITS.resultBytes + LIMITS.hubRecordBytes - bytes;
      const result = documentText(random, bytesNear(random, random() < 0.5 ? LIMITS.resultBytes : leftBytes));
      const report = documentText(random, random() < 0.3 ? LIMITS.resultBytes / 2 : 10);
      const frame = `{"type":"task_complete","task_id":"${taskId}","generation":${generation},"result":{"x":${result}},"verification_report":{"y":${report}}}`;
      if (Buffer.byteLength(frame) > FRAME_BYTES_MAX) {
        worker.client.send({ type: "task_complete", task_id: taskId, generation, result: {} });
      } else worker.client.sendText(frame);
      const ended = await worker.client.take((each) => each.type === "task_ack" || each.type === "error");
      if (ended.type !== "task_ack" || ended["task_id"] !== taskId) wrong.push({ number, bytes, ended });
      const found = (await context.http("GET", `/api/tasks/${taskId}`, { token: worker.token })).body as { status: string };
      if (found.status !== (ended["status"] === "complete" ? "completed" : "dead_letter")) wrong.push({ number, ended, found });
      seen[ended["status"] === "complete" ? "completed" : "buried"]++;
    }

    const offline = context.unique("offline");
    await context.register(offline);
    worker.client.send({ type: "channel_subscribe", channel: "sizes" });
    for (let number = 0; number < MESSAGES; number++) {
      const payload = documentText(random, bytesNear(random, documentBytes));
      const kind = whole(random, 3);
      const to = kind === 0 ? `,"to":"${offline}"` : "";
      const text =
        kind === 2
          ? `{"type":"channel_publish","channel":"sizes","payload":{"x":${payload}}}`
          : `{"type":"message","payload":{"x":${payload}}${to}}`;
      if (Buffer.byteLength(text) > FRAME_BYTES_MAX) continue;
      worker.client.sendText(text);
      // A broadcast comes back to its sender, as does what it publishes.
      const said = await worker.client.take(({ type }) => ANSWERS.has(type));
      if (said.type === "error" && !isRefusal(said)) wrong.push({ number, said });
      seen[said.type === "error" ? "unsent" : "sent"]++;
      worker.client.inbox.length = 0;
    }

    expect(wrong).toEqual([]);

    const victim = await Victim.join(context, hub.http);
    let left = 5;
    await victim.work(() => left-- === 0);
    process.stdout.write(`${name}: ${JSON.stringify(seen)}\n`);
    // Otherwise the sizes missed what they were aimed at.
    for (const count of Object.values({ ...seen, buried: 1 })) expect(count).toBeGreaterThan(0);
  } finally {
    await context.close();
    expect(await hub.stop()).toBe(0);
  }
});
