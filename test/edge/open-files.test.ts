/** Hubs under a small limit of open files: clients that are too many are told so, and the store goes on. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { NodeProcess } from "../hub-sharded/node-process.ts";
import { natsForTests } from "../hub-sharded/start-nats.ts";
import { redisForTests } from "../hub-sharded/start-redis.ts";
import { HubProcess, type TemporaryFolder, temporaryFolder } from "../hub-single/hub-process.ts";

const OPEN_FILES = 300;
const SILENT = 600;
/** Longer than the store's mark waits between two looks into its folder. */
const SUBMIT_MS = 2_500;

const engines = { redis: redisForTests(), nats: natsForTests() };
let folder: TemporaryFolder;
let held: { destroy(): void }[];

beforeEach(async () => {
  folder = await temporaryFolder();
  held = [];
});

afterEach(async () => {
  for (const each of held) each.destroy();
  await folder.remove();
});

describe.each(["reference", "tuned"])("the single hub as %s", (profile) => {
  it("takes no more than it has files for, answers the others 503, and its store goes on", async () => {
    const hub = await HubProcess.ready(["--data", join(folder.path, "data"), "--profile", profile], { openFiles: OPEN_FILES });
    const token = await hub.register("submitter");
    const answers = await Promise.all([webSockets(hub.ws), submissions(hub, token)]);
    const [{ open, refused }, submitted] = answers;
    expect(open + refused).toBe(SILENT);
    expect(open).toBeGreaterThan(50);
    expect(refused).toBeGreaterThan(SILENT - OPEN_FILES);
    expect([...new Set(submitted)]).toEqual([201]);
    const metrics = await hub.call("GET", "/api/metrics");
    expect(metrics.body["counters"]).toMatchObject({ connections_refused: refused });
    const { code, stderr } = await hub.kill("SIGTERM");
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(new RegExp(`takes ${open} WebSocket .*${OPEN_FILES} open files`)),
    });
  });

  it("stays up beside connections that say nothing at all", async () => {
    const hub = await HubProcess.ready(["--data", join(folder.path, "data"), "--profile", profile], { openFiles: OPEN_FILES });
    const token = await hub.register("submitter");
    const sockets = Array.from({ length: SILENT }, () => silent(hub));
    await Promise.all(sockets.map((socket) => socket.closed || once(socket, "connect").catch(() => undefined)));
    // A connection that has asked for nothing gives way after a second.
    await sleep(1_000);
    const submitted = await submissions(hub, token);
    expect([...new Set(submitted)]).toEqual([201]);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => answerOf(hub.ws)).toBe("open");
    expect(await hub.kill("SIGTERM")).toMatchObject({ code: 0, stderr: expect.stringContaining("newcomers are answered 503") });
  });
});

it.each(["redis", "nats"] as const)("a node over %s does the same", async (engine) => {
  const { care, flags } = engines[engine];
  const node = await NodeProcess.start(care, [...flags, "--namespace", `test-${systemRandomHex(4)}`], {
    openFiles: OPEN_FILES,
  });
  const { open, refused } = await webSockets(node.ws);
  expect({ sum: open + refused, isFull: open > 50 && open < OPEN_FILES }).toEqual({ sum: SILENT, isFull: true });
  await node.submit(await node.register("submitter"));
  await node.process.stop();
  expect(await node.process.ended).toMatchObject({ code: 0 });
});

it("is refused in words when it should take more than fits", async () => {
  const flags = ["--data", join(folder.path, "data"), "--max-connections", "1000"];
  const ended = await HubProcess.start(flags, { openFiles: OPEN_FILES });
  expect(ended).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/--max-connections 1000 does not fit: .* 300 open files .* raise the limit to \d+ or more/),
  });
});

it("lives on when the system has no file for a connection", async () => {
  const hub = await HubProcess.ready(["--data", join(folder.path, "data")], { openFiles: OPEN_FILES });
  const token = await hub.register("submitter");
  const { pid } = hub.child;
  // So few that nothing more can be opened: no socket, and no file of the store.
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=10:${OPEN_FILES}`]);
  const answers = Array.from({ length: 5 }, () => answerOf(hub.ws));
  await sleep(SUBMIT_MS);
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=${OPEN_FILES}:${OPEN_FILES}`]);
  expect([...new Set(await Promise.all(answers))]).toEqual(["open"]);
  expect((await submit(hub, token)).status).toBe(201);
  expect(await hub.kill("SIGTERM")).toMatchObject({ code: 0 });
});

/** Opens WebSockets that say nothing, some at a time: the listening socket's queue is not what is tested. */
async function webSockets(url: string): Promise<{ open: number; refused: number }> {
  const answers: string[] = [];
  while (answers.length < SILENT) answers.push(...(await Promise.all(Array.from({ length: 20 }, () => answerOf(url)))));
  const counts = { open: 0, refused: 0, other: 0 };
  for (const answer of answers) counts[answer === "open" ? "open" : answer === "503" ? "refused" : "other"]++;
  if (counts.other > 0) throw new Error(`answered otherwise: ${[...new Set(answers)].join(", ")}`);
  return counts;
}

function answerOf(url: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    held.push({ destroy: () => socket.terminate() });
    socket.once("open", () => resolve("open"));
    socket.once("unexpected-response", (_request, { statusCode }) => {
      resolve(String(statusCode));
      socket.terminate();
    });
    socket.on("error", (error) => resolve(error.message));
  });
}

function silent({ http }: HubProcess): Socket {
  const socket = connect(Number(new URL(http).port), "127.0.0.1").on("error", () => socket.destroy());
  held.push(socket);
  return socket;
}

/** One after the other for a time; what each was answered. */
async function submissions(hub: HubProcess, token: string): Promise<number[]> {
  const statuses: number[] = [];
  for (const startMs = performance.now(); performance.now() - startMs < SUBMIT_MS; await sleep(10)) {
    statuses.push((await submit(hub, token)).status);
  }
  return statuses;
}

function submit(hub: HubProcess, token: string) {
  return hub.call("POST", "/api/tasks", { token, body: { description: "a task" } });
}
