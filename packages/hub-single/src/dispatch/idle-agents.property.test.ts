/** No agent is lost and no task held, whatever comes while an assignment is on its way to the disk. */
import { setImmediate } from "node:timers/promises";
import { checkTask, draftOf } from "@hubscale/hub-core";
import type { RosterEvent } from "@hubscale/hub-runtime";
import { ConnectedAgent, HubMetrics, LocalRoster, ManualClock, TaskReports } from "@hubscale/hub-runtime/testing";
import { type HubFrame, LIMITS, type SidecarFrameOf, type Task } from "@hubscale/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AssembledDesk, assembleDesk } from "../desk-assembly.ts";
import { ALL_FIXES, type Fix } from "../fixes.ts";
import { HandReleasedStore } from "../testing/hand-released-store.ts";

const AGENTS = ["a", "b"] as const;

type Step =
  | { do: "submit"; isOverdueSoon: boolean }
  | { do: "join" | "leave" | "rejoin" | "skip" | "accept" | "complete" | "fail" | "reject"; agent: string }
  | { do: "cancel" | "retry"; task: number }
  | { do: "advance"; seconds: number }
  | { do: "commit" };

const agent = fc.constantFrom(...AGENTS);
/** Counted from the newest. */
const task = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("submit" as const), isOverdueSoon: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("commit" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("join" as const, "leave" as const, "rejoin" as const), agent }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("skip" as const), agent }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("accept" as const, "complete" as const, "fail" as const, "reject" as const),
      agent,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("cancel" as const, "cancel" as const, "retry" as const), task }) },
  // Sweeps for overdue tasks, the acceptance timeout, the end of a time in which an agent is skipped.
  { weight: 1, arbitrary: fc.record({ do: fc.constant("advance" as const), seconds: fc.constantFrom(1, 31, 61, 700) }) },
);

const CANCELLED_WHILE_ASSIGNED: Step[] = [
  { do: "submit", isOverdueSoon: false },
  { do: "commit" },
  { do: "join", agent: "a" },
  { do: "cancel", task: 0 },
];
const OVERDUE_WHILE_ASSIGNED: Step[] = [
  { do: "submit", isOverdueSoon: true },
  { do: "commit" },
  { do: "join", agent: "a" },
  { do: "advance", seconds: 31 },
];

describe.each<[string, Fix[], boolean]>([
  ["the tuned hub", [...ALL_FIXES], false],
  ["the reference hub with C3", ["C3"], true],
  ["the reference hub with C1, C3 and C10", ["C1", "C3", "C10"], true],
  ["the reference hub", [], true],
])("%s", (_, fixes, warts) => {
  it("leaves no idle agent beside a task that it could run", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 40 }), async (steps) => {
        const hub = new HubOnHandReleasedStore(fixes, warts);
        for (const each of steps) await hub.take(each);
        await hub.rest();
        // One for each agent, so that one that is lost shows.
        for (const _ of AGENTS) await hub.take({ do: "submit", isOverdueSoon: false });
        await hub.rest();
        const tasks = await hub.tasks();
        expect(tasks.flatMap(checkTask)).toEqual([]);
        const isQueued = tasks.some(({ status }) => status === "queued");
        const idle = [...hub.roster.idleAgents()].map(({ agentId }) => agentId);
        expect({ isQueued, idle }).toEqual({ isQueued, idle: isQueued ? [] : idle });
        // The reference hands an agent a second task, of which its roster does not know.
        const untold = warts ? [] : difference(hub.heldAsAgentsSay(), heldAsRowsSay(tasks));
        expect(untold).toEqual([]);
        await hub.close();
      }),
      { numRuns: 150, examples: [[CANCELLED_WHILE_ASSIGNED], [OVERDUE_WHILE_ASSIGNED]] },
    );
  });
});

it("finds an idle agent of which the dispatcher was not told", async () => {
  const hub = new HubOnHandReleasedStore([...ALL_FIXES], false);
  hub.isTold = false;
  await hub.take({ do: "join", agent: "a" });
  hub.isTold = true;
  await hub.take({ do: "submit", isOverdueSoon: false });
  await hub.rest();
  expect(hub.heldAsAgentsSay()).toEqual([]);
  await hub.take({ do: "advance", seconds: 10 });
  await hub.rest();
  expect(hub.heldAsAgentsSay()).toEqual(["a has task-1"]);
  await hub.close();
});

function heldAsRowsSay(tasks: readonly Task[]): string[] {
  return tasks.filter(({ status }) => status === "assigned").map(({ assigned_to, id }) => `${assigned_to} has ${id}`);
}

/** What only one of the two says. */
function difference(a: readonly string[], b: readonly string[]): string[] {
  return [...a, ...b].filter((each) => !a.includes(each) || !b.includes(each));
}

/** The desk and the roster as the edge joins them, without sockets. */
class HubOnHandReleasedStore {
  readonly roster: LocalRoster;
  /** False: what the roster tells is lost on its way to the desk. */
  isTold = true;
  readonly #assembled: AssembledDesk;
  readonly #clock = new ManualClock();
  readonly #reports: TaskReports;
  readonly #store = new HandReleasedStore();
  readonly #submitted: string[] = [];
  readonly #asked: Promise<unknown>[] = [];

  constructor(fixes: readonly Fix[], warts: boolean) {
    const clock = this.#clock;
    this.roster = new LocalRoster({
      clock,
      behaviour: { warts, presence: "digest" },
      notify: (event) => this.#notify(event),
      reclaim: async (taskId) => (await this.#desk.command(taskId, { reclaim: "acceptance_timeout" }), true),
      onAssigned: () => undefined,
    });
    let ids = 0;
    this.#assembled = assembleDesk({
      db: this.#store.asDatabase(),
      rows: { live: [], completed: [] },
      fixes: new Set(fixes),
      warts,
      retainCompletedRows: 10_000,
      roster: this.roster,
      endpoints: () => [],
      clock,
      randomHex: () => String(++ids),
      onFailure: throwOutside,
    });
    const metrics = new HubMetrics(clock);
    this.#reports = new TaskReports({
      documentBytes: LIMITS.documentBytes,
      clock,
      tasks: this.#desk,
      roster: this.roster,
      metrics,
      onBroken: throwOutside,
    });
    metrics.close();
  }

  /** Begins a step and waits for nothing but the current turn of the event loop. */
  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "submit": {
        const complete_by = step.isOverdueSoon ? this.#clock.nowMs() + 20_000 : null;
        const draft = draftOf({ description: "x", max_retries: 1, complete_by }, "tester");
        this.#begin(this.#desk.submit(draft).then((answer) => answer.ok && this.#submitted.push(answer.task.id)));
        break;
      }
      case "commit":
        await this.#commit();
        break;
      case "advance":
        this.#clock.advance(step.seconds * 1_000);
        break;
      case "cancel":
      case "retry":
        this.#begin(this.#command(this.#submitted.at(-1 - step.task), step.do));
        break;
      default:
        this.#agentStep(step.do, step.agent);
    }
    await setImmediate();
  }

  /** Lets all that was begun end, at one moment of the clock. */
  async rest(): Promise<void> {
    const { dispatcher, sweeps, table } = this.#assembled;
    const isAtRest = () => table.backlog === 0 && dispatcher.debt === 0 && this.#store.pending === 0;
    for (let turns = 0; turns < TURNS_AT_REST; turns = isAtRest() ? turns + 1 : 0) {
      this.#clock.advance(0);
      this.#store.release();
      await setImmediate();
    }
    await Promise.all([...this.#asked, sweeps.settled()]);
  }

  async tasks(): Promise<Task[]> {
    const lists = await Promise.all([this.#desk.list({}), this.#desk.list({ status: "dead_letter" })]);
    return lists.flat();
  }

  heldAsAgentsSay(): string[] {
    return [...this.roster.all()].flatMap(({ agentId, taskId }) => (taskId === null ? [] : [`${agentId} has ${taskId}`]));
  }

  async close(): Promise<void> {
    const closed = this.#desk.close();
    await this.rest();
    await closed;
  }

  get #desk() {
    return this.#assembled.desk;
  }

  #notify(event: RosterEvent): void {
    if (this.isTold) this.#desk.notify(event);
  }

  #begin(asked: Promise<unknown>): void {
    this.#asked.push(asked);
  }

  /** The next commit, if there is anything to write: a table may wait a few milliseconds for company. */
  async #commit(): Promise<void> {
    while (this.#store.pending === 0 && this.#assembled.table.backlog > 0) await setImmediate();
    this.#store.release();
  }

  async #command(taskId: string | undefined, command: "cancel" | "retry"): Promise<void> {
    if (taskId === undefined) return;
    const change = await this.#desk.command(taskId, command);
    if (command === "cancel" && change?.before.assigned_to) this.roster.release(change.before.assigned_to, taskId);
  }

  #agentStep(what: "join" | "leave" | "rejoin" | "skip" | "accept" | "complete" | "fail" | "reject", agentId: string): void {
    const connected = this.roster.get(agentId);
    if (what === "join" || what === "rejoin") {
      if (connected && what === "join") return;
      this.roster.join(connectedAgent(agentId));
      return this.#notify({ type: "agent_joined", agentId });
    }
    if (!connected) return;
    if (what === "leave") return void this.roster.leave(connected);
    // As after a frame beyond the rate limit.
    if (what === "skip") return this.roster.passOver(connected, 60_000);
    const frame = frameOf(what, connected.taskId, this.#generationOf(connected));
    if (frame) this.#begin(this.#reports.handle(connected, frame));
  }

  #generationOf({ line }: ConnectedAgent): number {
    return (line as HandedOver).generation;
  }
}

type HandedOver = ConnectedAgent["line"] & { generation: number };

function connectedAgent(agentId: string): ConnectedAgent {
  const line: HandedOver = {
    generation: 0,
    isOpen: true,
    send: (frame: HubFrame) => {
      if (frame.type === "task_assign") line.generation = frame.generation;
    },
    sendBytes: () => undefined,
    close: () => undefined,
  };
  return new ConnectedAgent({ type: "identify", agent_id: agentId, token: "t" }, line, 0);
}

function frameOf(what: "accept" | "complete" | "fail" | "reject", task_id: string | null, generation: number) {
  if (task_id === null) return undefined;
  switch (what) {
    case "accept":
      return { type: "task_accepted", task_id } satisfies SidecarFrameOf<"task_accepted">;
    case "complete":
      return { type: "task_complete", task_id, generation, result: {} } satisfies SidecarFrameOf<"task_complete">;
    case "fail":
      return { type: "task_failed", task_id, generation, reason: "boom" } satisfies SidecarFrameOf<"task_failed">;
    case "reject":
      return { type: "task_rejected", task_id } satisfies SidecarFrameOf<"task_rejected">;
  }
}

function throwOutside(error: unknown): void {
  throw error;
}

/** A change goes through several turns of the event loop until it is seen as one that waits for the disk. */
const TURNS_AT_REST = 6;
