/**
 * Completed rows for a hub with a past: what a table of some age costs (C2, C3, C7, C8) cannot be seen on an empty one. The
 * same rows on every run, of about 1.6 KB each, as a completed row of the reference hub has.
 */
import { assessComplexity, newTask, routeTask, type TaskCommand, transition } from "@hubscale/hub-core";
import { type Priority, type Task, TIERS } from "@hubscale/protocol";
import type { Database } from "../data-folder.ts";
import { keyOf } from "./task-row.ts";

/** Writes `rows` completed tasks that ended before `nowMs`, the last one synced. Writing them again changes nothing but times. */
export async function seedCompletedRows(db: Database, rows: number, nowMs: number): Promise<void> {
  const draw = seeded(SEED);
  for (let first = 0; first < rows; first += BATCH_ROWS) {
    const tasks = Array.from({ length: Math.min(BATCH_ROWS, rows - first) }, (_, index) =>
      completedTask(draw, nowMs - (rows - first - index) * SPACING_MS),
    );
    const isLast = first + BATCH_ROWS >= rows;
    await db.batch(
      tasks.map((task) => ({ type: "put", key: keyOf(task.id), value: JSON.stringify(task) })),
      { sync: isLast },
    );
  }
}

/** Any fixed number. */
const SEED = 20_260_101;
const BATCH_ROWS = 1_000;
/** One task in five seconds: a small fleet's day is 17,280 of them. */
const SPACING_MS = 5_000;

function completedTask(draw: Draw, endedAtMs: number): Task {
  const startedAtMs = endedAtMs - 1_000 - Math.floor(draw() * 60_000);
  const createdAtMs = startedAtMs - 1_000 - Math.floor(draw() * 20_000);
  const description = words(draw, 4 + Math.floor(draw() * 10));
  const complexity_tier = TIERS[Math.floor(draw() * TIERS.length)];
  const agentId = `agent-${Math.floor(draw() * 20)}`;
  const tokensUsed = Math.floor(draw() * 4_000);
  let task = newTask(
    `task-${hex(draw)}${hex(draw)}`,
    {
      description,
      priority: Math.floor(draw() * 4) as Priority,
      metadata: { ticket: hex(draw) },
      repo: "team/service",
      branch: `task/${hex(draw)}`,
      file_hints: [{ path: `src/${words(draw, 1)}.ts` }],
      success_criteria: [],
      verification_steps: [],
      needed_capabilities: ["code"],
      depends_on: [],
      goal_id: null,
      assign_to: null,
      complete_by: null,
      complexity: assessComplexity({ description, ...(complexity_tier && { complexity_tier }) }),
      skip_verification: false,
      verification_timeout_ms: null,
      max_verification_retries: 5,
      max_retries: 3,
      submitted_by: "submitter",
    },
    createdAtMs,
  );
  const report = {
    run_number: 1,
    status: "pass",
    started_at: endedAtMs - 900,
    duration_ms: 850,
    checks: [],
  };
  task = after(task, { type: "route", decision: routeTask(task, [], startedAtMs) }, startedAtMs);
  task = after(task, { type: "assign", agentId }, startedAtMs);
  const generation = task.generation;
  const result = { status: "success", output: words(draw, 2), execution_ms: endedAtMs - startedAtMs };
  return after(
    task,
    { type: "complete", agentId, generation, result, tokensUsed, verificationReport: report, verificationHistory: [] },
    endedAtMs,
  );
}

function after(task: Task, command: TaskCommand, nowMs: number): Task {
  const next = transition(task, command, nowMs);
  if (!next.ok || !next.task) throw new Error(`a seeded task refused to ${command.type}`);
  return next.task;
}

/** The next number, from 0 up to but not including 1. */
type Draw = () => number;

/** A linear congruential generator with the constants of Numerical Recipes (Press et al., §7.1); good enough for filler. */
function seeded(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function words(draw: Draw, count: number): string {
  return Array.from({ length: count }, () => VOCABULARY[Math.floor(draw() * VOCABULARY.length)]).join(" ");
}

function hex(draw: Draw): string {
  return Math.floor(draw() * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
}

const VOCABULARY =
  "add parser test the for endpoint when fails retry client timeout handler queue index session token cache log split merge".split(
    " ",
  );
