/** kill -9 in the middle of the work: nothing that was acknowledged is lost, however often it happens. */
import { once } from "node:events";
import type { Task, TaskAssignFrame } from "@hubscale/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { HubProcess, type TemporaryFolder, temporaryFolder } from "./hub-process.ts";

let folder: TemporaryFolder;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(() => folder.remove());

const WORKERS = 8;
const KILLS = 3;
/** Completions to see before a kill: enough that commits, pushes and answers are all on their way. */
const COMPLETIONS = 60;

describe.each([["reference"], ["tuned"]])("the %s hub", (profile) => {
  it("loses no acknowledged task and no acknowledged completion by kill -9 under load", async () => {
    const acknowledged = new Set<string>();
    const completed = new Map<string, number>();
    const tokens = new Map<string, string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const hub = await HubProcess.ready(["--data", folder.path, "--profile", profile]);
      if (kill === 0) for (const name of agentNames()) tokens.set(name, await hub.register(name));
      const enough = await underLoad(hub, tokens, acknowledged, completed);
      expect(await hub.kill("SIGKILL")).toMatchObject({ signal: "SIGKILL" });
      await enough.ended;
      await expectKept(folder.path, profile, tokens, acknowledged, completed);
    }
    expect(completed.size).toBeGreaterThanOrEqual(COMPLETIONS * KILLS);
    // Somebody must have been caught in the middle, or the kills proved nothing.
    expect(acknowledged.size).toBeGreaterThan(completed.size);
  });
});

function agentNames(): string[] {
  return ["submitter", ...Array.from({ length: WORKERS }, (_, index) => `worker-${index}`)];
}

/** Resolves while the load goes on, once enough tasks were completed; `ended` resolves when the load has broken off. */
async function underLoad(
  hub: HubProcess,
  tokens: ReadonlyMap<string, string>,
  acknowledged: Set<string>,
  completed: Map<string, number>,
): Promise<{ ended: Promise<unknown> }> {
  const goal = completed.size + COMPLETIONS;
  const lines: Promise<unknown>[] = [];
  const reached = new Promise<void>((resolve) => {
    for (const [name, token] of tokens) {
      if (name === "submitter") continue;
      lines.push(
        work(hub, name, token, (taskId, generation) => {
          completed.set(taskId, generation);
          if (completed.size >= goal) resolve();
        }),
      );
    }
  });
  const token = tokens.get("submitter") as string;
  for (let stream = 0; stream < 4; stream++) lines.push(submitForEver(hub, token, acknowledged));
  await reached;
  return { ended: Promise.allSettled(lines) };
}

/** Until the hub is gone. */
async function submitForEver(hub: HubProcess, token: string, acknowledged: Set<string>): Promise<void> {
  for (;;) {
    const answer = await hub.call("POST", "/api/tasks", { token, body: { description: "echo", complexity_tier: "trivial" } });
    if (answer.status !== 201) throw new Error(`submission answered ${answer.status}`);
    acknowledged.add(answer.body["task_id"] as string);
  }
}

/** Accepts and completes what it is handed. Resolves when the connection is gone. */
async function work(
  hub: HubProcess,
  agentId: string,
  token: string,
  onAcknowledged: (taskId: string, generation: number) => void,
): Promise<void> {
  const socket = new WebSocket(hub.ws);
  const generations = new Map<string, number>();
  const say = (frame: object) => socket.send(JSON.stringify(frame));
  socket.on("open", () => say({ type: "identify", agent_id: agentId, token }));
  // The other side is killed: that this breaks the connection is the point.
  socket.on("error", () => socket.terminate());
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data)) as Omit<TaskAssignFrame, "type"> & { type: string; status?: string };
    const { task_id, generation } = frame;
    if (frame.type === "task_assign") {
      generations.set(task_id, generation);
      say({ type: "task_accepted", task_id });
      say({ type: "task_complete", task_id, generation, result: { status: "success" } });
    }
    if (frame.type === "task_ack" && frame.status === "complete") onAcknowledged(task_id, generations.get(task_id) as number);
  });
  await once(socket, "close");
}

async function expectKept(
  path: string,
  profile: string,
  tokens: ReadonlyMap<string, string>,
  acknowledged: ReadonlySet<string>,
  completed: ReadonlyMap<string, number>,
): Promise<void> {
  const hub = await HubProcess.ready(["--data", path, "--profile", profile]);
  const token = tokens.get("submitter") as string;
  const { body } = await hub.call("GET", "/api/tasks", { token });
  const stored = new Map((body["tasks"] as Task[]).map((task) => [task.id, task]));
  expect([...acknowledged].filter((taskId) => !stored.has(taskId))).toEqual([]);
  const undone = [...completed].filter(([taskId, generation]) => {
    const task = stored.get(taskId);
    return task?.status !== "completed" || task.generation !== generation;
  });
  expect(undone).toEqual([]);
  await hub.kill("SIGTERM");
}
