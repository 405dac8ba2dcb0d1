/** What the hubs' programs make of the flags of their edge, and what a client that does not read costs a whole process. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConformanceContext } from "@hubscale/hub-runtime/testing";
import { readUsage } from "hubscale/machine";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { HubProcess, type TemporaryFolder, temporaryFolder } from "../hub-single/hub-process.ts";

let folder: TemporaryFolder;
const hubs: HubProcess[] = [];
const contexts: ConformanceContext[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  for (const hub of hubs.splice(0)) await hub.kill("SIGTERM");
  await folder.remove();
});

async function start(...flags: string[]): Promise<{ hub: HubProcess; context: ConformanceContext }> {
  const hub = await HubProcess.ready(["--data", join(folder.path, "data"), ...flags]);
  const context = new ConformanceContext({ ws: hub.ws, http: hub.http }, 10_000);
  hubs.push(hub);
  contexts.push(context);
  return { hub, context };
}

describe("registration", () => {
  it("can want the operator's token, and be closed later without turning anybody out", async () => {
    const token = "0f".repeat(32);
    const tokenFile = join(folder.path, "registration-token");
    await writeFile(tokenFile, `${token}\n`);
    const first = await start("--registration", "token", "--registration-token-file", tokenFile);
    expect((await first.hub.call("POST", "/api/onboard/register", { body: { agent_id: "a" } })).status).toBe(401);
    const answer = await first.hub.call("POST", "/api/onboard/register", { body: { agent_id: "a" }, token });
    expect(answer.status).toBe(201);
    await first.hub.kill("SIGTERM");
    hubs.pop();

    const second = await start("--registration", "closed");
    expect((await second.hub.call("POST", "/api/onboard/register", { body: { agent_id: "b" }, token })).status).toBe(403);
    await second.context.identify("a", answer.body["token"] as string);
  });

  it("is refused at the start without a token", async () => {
    const ended = await HubProcess.start(["--data", folder.path, "--registration", "token"]);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("--registration-token-file") });
  });
});

it("takes so many connections as it is told to", async () => {
  const { context } = await start("--max-connections", "2");
  await context.connect();
  await context.connect();
  await expect(context.connect()).rejects.toThrow("503");
});

const ROUNDS = 5;
const FRAMES_PER_ROUND = 120;
const FRAME_BYTES = 700_000;
/** The bound on unread bytes (4 MiB), the history of the channel (16 MiB), and garbage that has not been collected yet. */
const GROWTH_BYTES = 200_000_000;

it("cuts off clients that do not read, one after another, and its memory stays bounded", async () => {
  const { hub, context } = await start();
  const pid = hub.child.pid as number;
  const rss = () => readUsage([pid])[0]?.rssBytes ?? Number.NaN;
  const sender = await context.agent("sender");
  const slow = await context.agent("slow");
  const payload = { text: "x".repeat(FRAME_BYTES) };
  const publish = async () => {
    sender.client.send({ type: "channel_publish", channel: "news", payload });
    await sender.client.take("channel_published");
  };
  // So that the code is compiled and the heap has found its size.
  for (let n = 0; n < 40; n++) await publish();
  const before = rss();
  let highest = before;
  const stuck: WebSocket[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    stuck.push(await listenAndStopReading(hub.ws, slow.agentId, slow.token));
    for (let n = 0; n < FRAMES_PER_ROUND; n++) {
      await publish();
      highest = Math.max(highest, rss());
    }
  }
  const { body } = await hub.call("GET", "/api/metrics");
  expect((body["counters"] as { slow_clients_dropped: number }).slow_clients_dropped).toBe(ROUNDS);
  expect(highest - before).toBeLessThan(GROWTH_BYTES);
  // Unread, all of it would have been this much.
  expect(GROWTH_BYTES).toBeLessThan((ROUNDS * FRAMES_PER_ROUND * FRAME_BYTES) / 2);
  for (const socket of stuck) socket.terminate();
});

async function listenAndStopReading(url: string, agentId: string, token: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await new Promise((resolve) => socket.once("open", resolve));
  const heard = (type: string) =>
    new Promise<void>((resolve) => {
      const listen = (data: Buffer) => {
        if ((JSON.parse(data.toString()) as { type: string }).type !== type) return;
        socket.off("message", listen);
        resolve();
      };
      socket.on("message", listen);
    });
  const identified = heard("identified");
  socket.send(JSON.stringify({ type: "identify", agent_id: agentId, token }));
  await identified;
  const subscribed = heard("channel_subscribed");
  socket.send(JSON.stringify({ type: "channel_subscribe", channel: "news" }));
  await subscribed;
  socket.pause();
  return socket;
}
