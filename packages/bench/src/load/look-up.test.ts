import { ManualClock } from "@hubscale/sidecar-sim";
import { expect, test } from "vitest";
import { type HistoryEvent, RunHistory } from "./history-check.ts";
import { lookUpTasks } from "./look-up.ts";
import type { LookUp } from "./submitter.ts";

const acknowledged = (...taskIds: string[]): HistoryEvent[] =>
  taskIds.flatMap((taskId) => [{ type: "submitted" }, { type: "acknowledged", taskId }]);
const completed = (taskId: string): HistoryEvent[] => [
  ...acknowledged(taskId),
  { type: "assigned", taskId, generation: 1, agent: 0 },
  { type: "outcome_sent", taskId, generation: 1, agent: 0 },
  { type: "outcome_acked", taskId, generation: 1, agent: 0, status: "complete" },
];

/** The verdict after the hub was asked, who was asked for in order, and how long it took in simulated milliseconds. */
async function asked(events: HistoryEvent[], say: (taskId: string, time: number) => LookUp, completedToo = 0) {
  const history = new RunHistory();
  for (const event of events) history.note(event);
  const clock = new ManualClock();
  const questions: string[] = [];
  const inFlight = { now: 0, max: 0 };
  const lookUp = async (taskId: string) => {
    questions.push(taskId);
    inFlight.max = Math.max(inFlight.max, ++inFlight.now);
    await Promise.resolve();
    inFlight.now--;
    return say(taskId, questions.filter((each) => each === taskId).length);
  };
  const asking = { isOver: false };
  const done = lookUpTasks(history, {
    clock,
    submitter: { lookUp },
    isOurs: (agentId) => agentId === "ours",
    note: (event) => history.note(event),
    completed: completedToo,
  }).then(() => (asking.isOver = true));
  while (!asking.isOver) {
    await new Promise(setImmediate);
    clock.advance(100);
  }
  await done;
  return { verdict: history.verdict(), questions, inFlightMax: inFlight.max, ms: clock.monotonicMs() };
}

test("asks for what was not seen to end, and for nothing else", async () => {
  const events = [...acknowledged("a", "b"), ...completed("c")];
  const { verdict, questions } = await asked(events, (taskId) => ({
    status: taskId === "a" ? "queued" : "assigned",
    by: null,
  }));
  expect(questions).toEqual(["a", "b"]);
  expect(verdict).toMatchObject({ unfinished: 2, completed: 1, clean: true });
});

test.each(["absent", "token_refused"] as const)("a task that is %s is lost when the hub says so twice", async (status) => {
  const { verdict, questions } = await asked(acknowledged("a"), () => ({ status }));
  expect(questions).toEqual(["a", "a"]);
  expect(verdict).toMatchObject({ lost: 1, clean: false });
});

test("a copy of the store that is a moment behind accuses nobody", async () => {
  const { verdict } = await asked(acknowledged("a"), (_, time) =>
    time === 1 ? { status: "absent" } : { status: "queued", by: null },
  );
  expect(verdict).toMatchObject({ lost: 0, unfinished: 1, clean: true });
  const late = await asked(completed("a"), (_, time) => ({ status: time === 1 ? "assigned" : "completed", by: "ours" }), 10);
  expect(late.verdict).toMatchObject({ lost: 0, completed: 1, clean: true });
});

test("a hub that is away for a while is asked again", async () => {
  const { verdict } = await asked(acknowledged("a"), (_, time) =>
    time < 8 ? { status: "unknown", why: "ECONNREFUSED" } : { status: "dead_letter", by: null },
  );
  expect(verdict).toMatchObject({ deadLettered: 1, clean: true });
});

test("a hub that says nothing of use is given up, and said why", async () => {
  const { verdict, ms } = await asked(acknowledged("a", "b"), () => ({ status: "unknown", why: "HTTP 500" }));
  expect(verdict).toMatchObject({ lost: 0, unverified: 2, clean: false, unverifiedBecause: { "HTTP 500": 2 } });
  expect(ms).toBeLessThan(12_000);
});

test("one task that cannot be asked for does not hold up the verdict for ever, though others can", async () => {
  const events = acknowledged(...Array.from({ length: 100 }, (_, i) => `t${i}`));
  const { verdict, ms, inFlightMax } = await asked(events, (taskId) =>
    taskId === "t7" ? { status: "unknown", why: "HTTP 500" } : { status: "queued", by: null },
  );
  expect(verdict).toMatchObject({ unfinished: 99, unverified: 1, clean: false });
  expect(ms).toBeLessThan(12_000);
  expect(inFlightMax).toBeLessThanOrEqual(32);
});

test("whose agent has completed a task decides whether it can have been done", async () => {
  const by = async (agentId: string | null) =>
    (await asked(acknowledged("a"), () => ({ status: "completed", by: agentId }))).verdict;
  expect(await by("another")).toMatchObject({ completed: 1, clean: true });
  expect(await by("ours")).toMatchObject({ lost: 1, clean: false });
  expect(await by(null)).toMatchObject({ lost: 1, clean: false });
});

test("of the completed tasks the newest are asked for, and only their being open accuses", async () => {
  const events = [...completed("a"), ...completed("b"), ...completed("c")];
  const forgotten = await asked(
    events,
    (taskId) => (taskId === "c" ? { status: "absent" } : { status: "assigned", by: "ours" }),
    2,
  );
  expect([...new Set(forgotten.questions)]).toEqual(["c", "b"]);
  expect(forgotten.verdict).toMatchObject({ completed: 2, lost: 1, clean: false, offenders: { lost: ["b"] } });
  const away = await asked(events, () => ({ status: "unknown", why: "ECONNREFUSED" }), 3);
  expect(away.questions).toHaveLength(3);
  expect(away.verdict).toMatchObject({ completed: 3, clean: true });
});

test("a task whose ack comes while the hub is asked is not asked for any more", async () => {
  const history = new RunHistory();
  for (const event of acknowledged("a")) history.note(event);
  const clock = new ManualClock();
  let questions = 0;
  const asking = lookUpTasks(history, {
    clock,
    submitter: {
      lookUp: async () => {
        questions++;
        for (const event of completed("a").slice(2)) history.note(event);
        return { status: "absent" };
      },
    },
    isOurs: () => true,
    note: (event) => history.note(event),
  });
  await new Promise(setImmediate);
  clock.advance(500);
  await asking;
  expect(questions).toBe(1);
  expect(history.verdict()).toMatchObject({ completed: 1, lost: 0, clean: true });
});

test("a submission that is acknowledged while the hub is asked is asked for too", async () => {
  const history = new RunHistory();
  for (const event of acknowledged("a")) history.note(event);
  const clock = new ManualClock();
  const lookUp = async (taskId: string): Promise<LookUp> => {
    if (taskId === "a") for (const event of acknowledged("b")) history.note(event);
    return { status: "queued", by: null };
  };
  const asking = lookUpTasks(history, {
    clock,
    submitter: { lookUp },
    isOurs: () => true,
    note: (event) => history.note(event),
  });
  await new Promise(setImmediate);
  clock.advance(500);
  await asking;
  expect(history.verdict()).toMatchObject({ acknowledged: 2, unfinished: 2, unverified: 0, clean: true });
});
