import { ManualClock } from "@hubscale/sidecar-sim";
import { expect, test } from "vitest";
import type { Submission } from "../load/submitter.ts";
import { KeyedSubmissions } from "./keyed-submissions.ts";

const RESET: Submission = { ok: false, error: "ECONNRESET" };
const PUT_OFF: Submission = { ok: false, answer: 503, retryAfterMs: 300 };
const STORED: Submission = { ok: true, taskId: "task-1" };

/** A hub that gives these answers, one after the other, and no more after them. */
function at(...answers: Submission[]) {
  const clock = new ManualClock();
  const keys: string[] = [];
  const acknowledged: string[] = [];
  const faults: (string | undefined)[] = [];
  const submissions = new KeyedSubmissions({
    clock,
    prefix: "p",
    send: (key, done) => {
      keys.push(key);
      const answer = answers.shift();
      if (answer) clock.after(0, () => done(answer));
    },
    acknowledged: (taskId) => acknowledged.push(taskId),
    trouble: (fault) => faults.push(fault),
  });
  return { clock, keys, acknowledged, faults, submissions };
}

test("each submission has a key of its own", () => {
  const { keys, submissions } = at();
  submissions.submit(0);
  submissions.submit(1);
  expect(keys).toEqual(["p-0", "p-1"]);
  expect(submissions.open).toBe(2);
});

test("one that got no answer is sent again under its key, until there is one", () => {
  const { clock, keys, acknowledged, submissions } = at(RESET, PUT_OFF, RESET, STORED);
  submissions.submit(0);
  clock.advance(10_000);
  expect(keys).toEqual(["p-0", "p-0", "p-0", "p-0"]);
  expect(acknowledged).toEqual(["task-1"]);
  expect(submissions).toMatchObject({ open: 0, postponed: 1, repeated: 2, unknown: 0, complaints: { ECONNRESET: 2 } });
});

test("one that is put off comes again when the hub said", () => {
  const { clock, keys, submissions } = at(PUT_OFF, STORED);
  submissions.submit(0);
  clock.advance(299);
  expect(keys).toHaveLength(1);
  clock.advance(1);
  expect(keys).toHaveLength(2);
});

test("a refusal ends it; after a lost answer nobody knows what the hub has", () => {
  const refused: Submission = { ok: false, answer: 413 };
  const plain = at(refused);
  plain.submissions.submit(0);
  plain.clock.advance(10_000);
  expect(plain.submissions).toMatchObject({ open: 0, unknown: 0, complaints: { 413: 1 } });
  const after = at(RESET, refused);
  after.submissions.submit(0);
  after.clock.advance(10_000);
  expect(after.submissions).toMatchObject({ open: 0, unknown: 1 });
});

test.each([
  ["a 503", PUT_OFF],
  ["a lost answer", RESET],
] as const)("%s is not followed up once all is given up", (_, answer) => {
  const { clock, keys, submissions } = at(answer, STORED);
  submissions.submit(0);
  submissions.giveUp();
  clock.advance(10_000);
  expect(keys).toHaveLength(1);
  expect(submissions).toMatchObject({ open: 0, unknown: 1 });
});

test("a 201 that means nothing is told, and sent again", () => {
  const { clock, faults, acknowledged, submissions } = at({ ok: false, error: "201 without", isProtocolFault: true }, STORED);
  submissions.submit(0);
  clock.advance(10_000);
  expect(faults).toEqual(["201 without"]);
  expect(acknowledged).toEqual(["task-1"]);
});
