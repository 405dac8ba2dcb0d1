/** A completed task of a given size, as the single hub stores it. Pure; the same for every run. */
import { assessComplexity, newTask, routeTask, type TaskCommand, transition } from "@hubscale/hub-core";
import type { Task } from "@hubscale/protocol";
import { seededRandom } from "../measure/estimate.ts";

const BEGIN_MS = Date.UTC(2026, 0, 1);
const SPACING_MS = 5_000;

/** Task number `n`, whose JSON has `rowBytes` bytes. Its words differ from task to task, since LevelDB compresses what repeats. */
export function taskSample(n: number, rowBytes: number): Task {
  const bare = completedTask(n, "");
  const missing = rowBytes - Buffer.byteLength(JSON.stringify(bare));
  return { ...bare, description: words(n, missing) };
}

/** Scattered like random ids: n times 2^64 over the golden ratio, modulo 2^64, as Knuth hashes integers (TAOCP 3, 6.4). */
export function sampleId(n: number): string {
  return `task-${BigInt.asUintN(64, BigInt(n) * 0x9e3779b97f4a7c15n)
    .toString(16)
    .padStart(16, "0")}`;
}

function completedTask(n: number, description: string): Task {
  const createdMs = BEGIN_MS + n * SPACING_MS;
  const agentId = "agent-7";
  const report = { run_number: 1, status: "pass", started_at: createdMs + 900, duration_ms: 850, checks: [] };
  const draft = {
    description,
    priority: 2 as const,
    metadata: { ticket: "4f2a91c0" },
    repo: "team/service",
    branch: "task/4f2a91c0",
    file_hints: [{ path: "src/parser.ts" }],
    success_criteria: [],
    verification_steps: [],
    needed_capabilities: ["code"],
    depends_on: [],
    goal_id: null,
    assign_to: null,
    complete_by: null,
    complexity: assessComplexity({ description, complexity_tier: "standard" }),
    skip_verification: false,
    verification_timeout_ms: null,
    max_verification_retries: 5,
    max_retries: 3,
    submitted_by: "submitter",
  };
  let task = newTask(sampleId(n), draft, createdMs);
  task = after(task, { type: "route", decision: routeTask(task, [], createdMs) }, createdMs + 10);
  task = after(task, { type: "assign", agentId }, createdMs + 20);
  const { generation } = task;
  const result = { status: "success", output: "done", execution_ms: 980 };
  const verified = { verificationReport: report, verificationHistory: [report] };
  return after(task, { type: "complete", agentId, generation, result, tokensUsed: 1_800, ...verified }, createdMs + 1_000);
}

function after(task: Task, command: TaskCommand, nowMs: number): Task {
  const next = transition(task, command, nowMs);
  if (!next.ok || !next.task) throw new Error(`a sample task refused to ${command.type}`);
  return next.task;
}

function words(seed: number, length: number): string {
  const random = seededRandom(seed);
  let text = "";
  while (text.length < length) text += `${VOCABULARY[Math.floor(random() * VOCABULARY.length)]} `;
  return text.slice(0, Math.max(0, length));
}

const VOCABULARY =
  "add parser test the for endpoint when fails retry client timeout handler queue index session token cache log split merge".split(
    " ",
  );
