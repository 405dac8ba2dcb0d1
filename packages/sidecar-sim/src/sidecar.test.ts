import { TIMERS } from "@hubscale/protocol";
import { expect, test } from "vitest";
import { DrawnExecutor, type SidecarBehaviour } from "./drawn-executor.ts";
import { ManualClock } from "./manual-clock.ts";
import { Sidecar } from "./sidecar.ts";
import type { SidecarNews } from "./sidecar-events.ts";
import { sidecarTimers } from "./sidecar-timers.ts";
import { type AssignedTask, plainSuccess, type TaskExecutor, type TaskResult, type WorkUnderWay } from "./task-executor.ts";
import { TimerWheel } from "./timer-wheel.ts";

const steady: SidecarBehaviour = {
  workTime: { kind: "constant", ms: 1_000 },
  progress: null,
  failure: { share: 0, as: "failed" },
  outputChars: 20,
};

/** A sidecar on a wire that only remembers. */
function sidecarWith(behaviour: Partial<SidecarBehaviour> = {}, timeScale = 1) {
  const clock = new ManualClock();
  const drawn = { clock, random: () => 0.5, timeScale, behaviour: () => ({ ...steady, ...behaviour }) };
  return sidecarOn(clock, new DrawnExecutor(drawn), timeScale);
}

function sidecarOn(clock: ManualClock, executor: TaskExecutor, timeScale = 1, ollamaUrl: string | null = null) {
  const news: SidecarNews[] = [];
  let sent: Record<string, unknown>[] = [];
  const cuts: string[] = [];
  const sidecar = new Sidecar(
    { agentId: "a-0", token: "t", capabilities: ["code"], ollamaUrl },
    {
      clock,
      wheel: new TimerWheel(clock, 10),
      timers: sidecarTimers(timeScale),
      timeScale,
      executor,
      resources: () => ({ cpuPercent: 50, ramUsedBytes: 1, ramTotalBytes: 2, vramUsedBytes: null, vramTotalBytes: null }),
      tell: (item) => news.push(item),
    },
  );
  const hear = (frame: object) => sidecar.received(Buffer.from(JSON.stringify(frame)));
  const wire = { send: (text: string) => sent.push(JSON.parse(text)), cut: (reason: string) => cuts.push(reason) };
  return {
    clock,
    /** Work that ends is told of in a promise. */
    async advance(byMs: number) {
      clock.advance(byMs);
      await new Promise(setImmediate);
    },
    sidecar,
    news,
    cuts,
    hear,
    connect() {
      sidecar.opened(wire);
      hear({ type: "identified", agent_id: "a-0" });
    },
    assign: (taskId: string, generation = 1) =>
      hear({ type: "task_assign", task_id: taskId, generation, assigned_at: 99, metadata: {} }),
    /** What was sent since the last call. */
    sent(): Record<string, unknown>[] {
      const items = sent;
      sent = [];
      return items;
    },
    types(): unknown[] {
      return this.sent().map((frame) => frame["type"]);
    },
  };
}

test("registers its host's endpoint each time it is identified", () => {
  const clock = new ManualClock();
  const drawn = { clock, random: () => 0.5, timeScale: 1, behaviour: () => steady };
  const s = sidecarOn(clock, new DrawnExecutor(drawn), 1, "http://127.0.1.1:11434");
  s.connect();
  const report = { type: "ollama_report", ollama_url: "http://127.0.1.1:11434" };
  expect(s.sent()).toMatchObject([{ type: "identify", ollama_url: "http://127.0.1.1:11434" }, report]);
  s.sidecar.closed();
  s.connect();
  expect(s.sent()).toMatchObject([{ type: "identify" }, report]);
});

test("identifies first, accepts before it works, completes after its work time", async () => {
  const s = sidecarWith();
  s.connect();
  expect(s.sent()).toMatchObject([{ type: "identify", agent_id: "a-0", protocol_version: 1, client_type: "sidecar" }]);
  s.assign("task-1", 4);
  expect(s.types()).toEqual(["task_accepted"]);
  await s.advance(999);
  expect(s.types()).toEqual([]);
  await s.advance(1);
  expect(s.sent()).toMatchObject([
    { type: "task_complete", task_id: "task-1", generation: 4, result: { status: "success" }, verification_history: [{}] },
  ]);
  s.hear({ type: "task_ack", task_id: "task-1", status: "complete" });
  expect(s.news.at(-1)).toEqual({ type: "outcome_acked", taskId: "task-1", generation: 4, status: "complete" });
});

test("work time 0 completes in the turn of the assignment, after the acceptance", () => {
  const s = sidecarWith({ workTime: { kind: "constant", ms: 0 } });
  s.connect();
  s.sent();
  s.assign("task-1");
  expect(s.types()).toEqual(["task_accepted", "task_complete"]);
  expect(s.sidecar.busy).toBe(false);
});

test("holds one task: a second one is rejected as busy", async () => {
  const s = sidecarWith();
  s.connect();
  s.assign("task-1");
  s.sent();
  s.assign("task-2");
  expect(s.sent()).toMatchObject([{ type: "task_rejected", task_id: "task-2", reason: "busy" }]);
  await s.advance(1_000);
  expect(s.sent()).toMatchObject([{ type: "task_complete", task_id: "task-1" }]);
});

test("the same task under a new generation starts anew and completes under that one only", async () => {
  const s = sidecarWith();
  s.connect();
  s.assign("task-1", 1);
  await s.advance(600);
  s.sent();
  s.assign("task-1", 3);
  await s.advance(900);
  expect(s.types()).toEqual(["task_accepted"]);
  await s.advance(100);
  expect(s.sent()).toMatchObject([{ type: "task_complete", generation: 3 }]);
});

test("a cancelled task yields nothing", async () => {
  const s = sidecarWith();
  s.connect();
  s.assign("task-1");
  s.hear({ type: "task_cancelled", task_id: "task-1" });
  s.sent();
  await s.advance(5_000);
  expect(s.types().filter((type) => type === "task_complete")).toEqual([]);
  expect(s.sidecar.busy).toBe(false);
});

test("streams ten frames a second while it works, and none after", async () => {
  const s = sidecarWith({ progress: { tokensPerSec: 40, model: "m" } });
  s.connect();
  s.assign("task-1");
  await s.advance(999);
  const frames = s.sent().filter((frame) => frame["type"] === "task_progress");
  expect(frames.length).toBeGreaterThanOrEqual(9);
  expect(frames.length).toBeLessThanOrEqual(10);
  expect(frames[1]).toMatchObject({ execution_event: { event_type: "token", tokens_so_far: 8, model: "m" } });
  await s.advance(500);
  s.sent();
  await s.advance(1_000);
  expect(s.types()).toEqual([]);
});

test.each([
  { as: "failed", sent: { type: "task_failed", generation: 1 } },
  { as: "failed_result", sent: { type: "task_complete", result: { status: "failed" } } },
] as const)("a failure comes as asked: $as", ({ as, sent }) => {
  const s = sidecarWith({ failure: { share: 1, as }, workTime: { kind: "constant", ms: 0 } });
  s.connect();
  s.sent();
  s.assign("task-1");
  expect(s.sent().at(-1)).toMatchObject(sent);
});

test("pings every 30 s; a pong keeps the connection, silence cuts it after 10 s", async () => {
  const s = sidecarWith();
  s.connect();
  await s.advance(TIMERS.pingEveryMs + 20);
  expect(s.types()).toContain("ping");
  s.hear({ type: "pong", timestamp: 1 });
  await s.advance(TIMERS.pongWithinMs + 50);
  expect(s.cuts).toEqual([]);
  await s.advance(TIMERS.pingEveryMs);
  expect(s.cuts).toEqual(["no pong"]);
});

test("reports resources after 5 s, then every 30 s, and neither once the connection is gone", async () => {
  const s = sidecarWith();
  s.connect();
  await s.advance(TIMERS.resourceReportFirstMs + 20);
  expect(s.types()).toEqual(["identify", "resource_report"]);
  await s.advance(TIMERS.resourceReportEveryMs + 20);
  expect(s.types().filter((type) => type === "resource_report")).toHaveLength(1);
  s.sidecar.closed();
  await s.advance(200_000);
  expect(s.types()).toEqual([]);
});

test("works on while cut off; after the reconnect it asks, and completes only when told to continue", async () => {
  const s = sidecarWith();
  s.connect();
  s.assign("task-1", 2);
  s.sidecar.closed();
  await s.advance(5_000);
  s.sent();
  s.connect();
  expect(s.sent()).toMatchObject([
    { type: "identify" },
    { type: "state_report", task_id: "task-1", generation: 2, assigned_at: 99 },
  ]);
  s.hear({ type: "state_report_ack", task_id: "task-1", action: "continue" });
  expect(s.sent()).toMatchObject([{ type: "task_complete", task_id: "task-1", generation: 2 }]);
});

test("told to abort, it drops the work and is free", async () => {
  const s = sidecarWith();
  s.connect();
  s.assign("task-1");
  s.sidecar.closed();
  s.connect();
  s.sent();
  s.hear({ type: "state_report_ack", task_id: "task-1", action: "abort" });
  await s.advance(2_000);
  expect(s.types()).toEqual([]);
  s.assign("task-2");
  expect(s.types()).toEqual(["task_accepted"]);
});

test("an outcome whose ack was lost is asked about and sent again only on continue", () => {
  const s = sidecarWith({ workTime: { kind: "constant", ms: 0 } });
  s.connect();
  s.assign("task-1", 5);
  s.sidecar.closed();
  s.sent();
  s.connect();
  expect(s.types()).toEqual(["identify", "state_report"]);
  s.hear({ type: "state_report_ack", task_id: "task-1", action: "continue" });
  expect(s.sent()).toMatchObject([{ type: "task_complete", generation: 5 }]);
  s.hear({ type: "task_ack", task_id: "task-1", status: "complete" });
  s.hear({ type: "task_ack", task_id: "task-1", status: "complete" });
  expect(s.news.filter((item) => item.type === "outcome_acked").map((item) => item.generation)).toEqual([5, null]);
});

test("an ack belongs to the outcome of its own connection, though an older one of the same task was never answered", () => {
  const s = sidecarWith({ workTime: { kind: "constant", ms: 0 } });
  s.connect();
  s.assign("task-1", 1);
  s.sidecar.closed();
  s.connect();
  // Taken back meanwhile, and given to the same sidecar before the hub says so.
  s.assign("task-1", 3);
  s.hear({ type: "state_report_ack", task_id: "task-1", action: "abort" });
  s.hear({ type: "task_ack", task_id: "task-1", status: "complete" });
  expect(s.news.filter((item) => item.type === "outcome_acked").map((item) => item.generation)).toEqual([3]);
  s.sidecar.closed();
  s.sent();
  s.connect();
  expect(s.types()).toEqual(["identify"]);
});

test("a refusal belongs to the outcome of its own connection", () => {
  const s = sidecarWith({ workTime: { kind: "constant", ms: 0 } });
  s.connect();
  s.assign("task-1", 1);
  s.sidecar.closed();
  s.connect();
  s.assign("task-2", 5);
  s.hear({ type: "error", error: "task_complete_failed: stale_generation" });
  expect(s.news.filter((item) => item.type === "outcome_refused")).toMatchObject([{ taskId: "task-2", generation: 5 }]);
});

test("after a crash only the task's id is left: it recovers under the generation that the hub names", async () => {
  const s = sidecarWith();
  s.connect();
  s.assign("task-1", 2);
  await s.advance(900);
  s.sidecar.crash();
  s.sidecar.closed();
  s.sent();
  s.connect();
  expect(s.types()).toEqual(["identify", "task_recovering"]);
  s.hear({ type: "task_continue", task_id: "task-1", generation: 7 });
  await s.advance(999);
  expect(s.types()).toEqual([]);
  await s.advance(1);
  expect(s.sent()).toMatchObject([{ type: "task_complete", generation: 7 }]);
});

test("a refused outcome is told with the hub's words; the sidecar is free all the same", () => {
  const s = sidecarWith({ workTime: { kind: "constant", ms: 0 } });
  s.connect();
  s.assign("task-1", 2);
  s.hear({ type: "error", error: "task_complete_failed: stale_generation" });
  expect(s.news.at(-1)).toEqual({
    type: "outcome_refused",
    taskId: "task-1",
    generation: 2,
    error: "task_complete_failed: stale_generation",
  });
  expect(s.sidecar.busy).toBe(false);
});

test("a wrong token is final, any other refusal of identify is an error; both cut the connection", () => {
  const s = sidecarWith();
  s.sidecar.opened({ send: () => undefined, cut: (reason) => s.cuts.push(reason) });
  s.hear({ type: "error", error: "invalid_token" });
  s.hear({ type: "error", error: "identify_refused" });
  expect(s.news.map((item) => item.type)).toEqual(["turned_away", "error"]);
  expect(s.cuts).toEqual(["invalid_token", "identify_refused"]);
});

test("at a time scale everything goes faster, but a hub keeps a second to answer", async () => {
  const s = sidecarWith({}, 60);
  s.connect();
  s.assign("task-1");
  await s.advance(17);
  expect(s.types()).toContain("task_complete");
  await s.advance(500);
  expect(s.types()).toEqual(expect.arrayContaining(["ping", "resource_report"]));
  await s.advance(900);
  expect(s.cuts).toEqual([]);
  await s.advance(200);
  expect(s.cuts).toEqual(["no pong"]);
});

/** An executor whose work the test itself ends. */
function byHand() {
  const runs: { task: AssignedTask; work: WorkUnderWay; end(result: TaskResult): void }[] = [];
  const executor: TaskExecutor = {
    run: (task, work) => new Promise((resolve) => runs.push({ task, work, end: resolve })),
  };
  return { runs, s: sidecarOn(new ManualClock(), executor) };
}

test("an executor gets the hub's frame, and its result goes out as it is", async () => {
  const { s, runs } = byHand();
  s.connect();
  s.hear({
    type: "task_assign",
    task_id: "task-1",
    generation: 2,
    description: "do it",
    routing_decision: { selected_model: "m" },
  });
  expect(runs[0]?.task).toMatchObject({ assignment: { description: "do it", routing_decision: { selected_model: "m" } } });
  s.sent();
  const traffic = { ollama: { upBytes: 7, downBytes: 9 }, api: { upBytes: 0, downBytes: 0 } };
  runs[0]?.end({ ...plainSuccess("fine", 12), modelUsed: "m", tokensIn: 3, tokensOut: 4, traffic });
  await s.advance(0);
  expect(s.sent()).toMatchObject([
    { result: { output: "fine", model_used: "m", tokens_in: 3, tokens_out: 4, execution_ms: 12 } },
  ]);
  expect(s.news.at(-1)).toMatchObject({ type: "outcome_sent", result: { traffic } });
});

test("tokens are sent once in 100 ms, other events as they come, and the last tokens before the completion", async () => {
  const { s, runs } = byHand();
  s.connect();
  s.assign("task-1");
  s.sent();
  const { work, end } = runs[0] as (typeof runs)[0];
  const texts = () =>
    s.sent().map((frame) => (frame["execution_event"] as { text?: string } | undefined)?.text ?? frame["type"]);
  for (const text of ["a", "b", "c"]) {
    work.onProgress({ type: "token", text, tokens: 1, model: "m" });
    await s.advance(30);
  }
  expect(texts()).toEqual([]);
  await s.advance(20);
  expect(texts()).toEqual(["abc"]);
  work.onProgress({ type: "token", text: "d", tokens: 1, model: "m" });
  work.onProgress({ type: "status", text: "retry 1/2..." });
  expect(texts()).toEqual(["d", "retry 1/2..."]);
  work.onProgress({ type: "token", text: "e", tokens: 1, model: "m" });
  end(plainSuccess("", 1));
  await s.advance(0);
  expect(texts()).toEqual(["e", "task_complete"]);
});

test("work that is taken away is told so, and what comes of it later is not sent", async () => {
  const { s, runs } = byHand();
  s.connect();
  s.assign("task-1");
  const { work, end } = runs[0] as (typeof runs)[0];
  expect(work.signal.aborted).toBe(false);
  s.hear({ type: "task_cancelled", task_id: "task-1" });
  expect(work.signal.aborted).toBe(true);
  s.sent();
  work.onProgress({ type: "stdout", text: "still here" });
  end(plainSuccess("", 1));
  await s.advance(500);
  expect(s.types()).toEqual([]);
});

test("an assignment whose id could break a frame is refused", () => {
  const s = sidecarWith();
  s.connect();
  s.sent();
  s.assign('task-1","x":"');
  expect(s.types()).toEqual([]);
  expect(s.news.at(-1)).toEqual({ type: "protocol_fault", what: "task_assign without a usable task_id" });
});
