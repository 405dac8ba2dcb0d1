/** A task that only a sweep of the reference hub takes back, after 20 minutes that nobody waits. */
import { once } from "node:events";
import { HubUnderFault } from "hubscale/faults";
import { ProcessCare } from "hubscale/machine";
import { serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";

/** The sweep comes every 30 s. */
const SWEPT_WITHIN_MS = 45_000;
const MINUTES_20_MS = 1_200_000;

let care: ProcessCare;
let hub: HubUnderFault;
beforeAll(async () => {
  care = new ProcessCare({ handleSignals: false });
  hub = await HubUnderFault.start({
    spec: { kind: "single", profile: "reference", fixes: [] },
    care,
    sources: serverSourcesOf(process.env),
    leaseMs: 1_500,
    durability: "fsync",
    kinds: ["reconnect-storm"],
  });
});
afterAll(async () => {
  await hub?.stop();
  await care.close();
});

interface Task {
  status: string;
  history: { event: string }[];
}

async function post(path: string, body: object, token = ""): Promise<Record<string, string>> {
  const headers = { "content-type": "application/json", ...(token !== "" && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(hub.door.http + path, { method: "POST", headers, body: JSON.stringify(body) });
  return (await answer.json()) as Record<string, string>;
}

test("an accepted task of which nothing is heard again goes back when the clock is set 20 minutes ahead", async () => {
  const { token } = await post("/api/onboard/register", { agent_id: "silent" });
  const socket = new WebSocket(hub.door.ws);
  const say = (frame: object) => socket.send(JSON.stringify(frame));
  await once(socket, "open");
  const assigned: { task_id: string; generation: number }[] = [];
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data)) as { type: string; task_id: string; generation: number };
    if (frame.type !== "task_assign") return;
    const { type: _, ...task } = frame;
    assigned.push(task);
    // The first is accepted and no more; the second is done.
    say({ type: "task_accepted", task_id: task.task_id });
    if (assigned.length > 1) say({ type: "task_complete", ...task, result: {} });
  });
  say({ type: "identify", agent_id: "silent", token });
  const { task_id: taskId } = await post("/api/tasks", { description: "nobody hears of it" }, token);
  const task = async () => {
    const answer = await fetch(`${hub.door.http}/api/tasks/${taskId}`, { headers: { authorization: `Bearer ${token}` } });
    return (await answer.json()) as Task;
  };
  await expect.poll(() => assigned.length, { timeout: 20_000 }).toBe(1);
  expect(hub.timeouts).toBeDefined();
  hub.timeouts?.skip(MINUTES_20_MS);
  await expect.poll(async () => (await task()).status, { timeout: SWEPT_WITHIN_MS, interval: 500 }).toBe("completed");
  expect((await task()).history.map(({ event }) => event)).toEqual(["completed", "assigned", "stuck", "assigned", "queued"]);
  socket.close();
}, 90_000);
