import { checkTask, newTask, type TaskCommand, type TaskDraft, transition } from "@hubscale/hub-core";
import type { RoutingDecision, Task } from "@hubscale/protocol";
import { array, assert, nat, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { type JobFacts, type Snapshot, taskOf } from "./task-record.ts";

const draft: TaskDraft = {
  description: "a task",
  priority: 2,
  metadata: {},
  repo: null,
  branch: null,
  file_hints: [],
  success_criteria: [],
  verification_steps: [],
  needed_capabilities: [],
  depends_on: [],
  goal_id: null,
  assign_to: null,
  complete_by: null,
  complexity: {
    effective_tier: "standard",
    explicit_tier: null,
    inferred: { tier: "standard", confidence: 1 },
    source: "inferred",
  },
  skip_verification: false,
  verification_timeout_ms: null,
  max_verification_retries: 5,
  max_retries: 2,
  submitted_by: "tester",
};

const decision: RoutingDecision = {
  effective_tier: "standard",
  target_type: "ollama",
  selected_endpoint: null,
  selected_model: null,
  fallback_used: true,
  fallback_reason: null,
  fallback_from_tier: null,
  classification_reason: "",
  estimated_cost_tier: "local",
  candidate_count: 0,
  decided_at: 0,
};

function after(task: Task, command: TaskCommand, atMs: number): Task {
  const next = transition(task, command, atMs);
  if (!next.ok || !next.task) throw new Error(`${command.type} refused: ${next.ok ? "removed" : next.code}`);
  return next.task;
}

/** A job as BullMQ and this hub would leave it, moved in step with the task that the core says it is. */
class Job {
  task = newTask("task-0000000000000000", draft, 0);
  snapshot: Snapshot = { task: this.task, starts: 0 };
  facts: JobFacts = { state: "queued", starts: 0, startedAtMs: null, startedBy: null };
  nowMs = 0;

  take(agentId: string) {
    this.nowMs++;
    this.task = after(after(this.task, { type: "route", decision }, this.nowMs), { type: "assign", agentId }, this.nowMs);
    this.facts = { state: "active", starts: this.facts.starts + 1, startedAtMs: this.nowMs, startedBy: agentId };
  }

  touch() {
    this.nowMs++;
    this.task = after(this.task, { type: "touch", agentId: null }, this.nowMs);
    this.facts.touch = { starts: this.facts.starts, atMs: this.nowMs, decision };
  }

  loseLease() {
    this.task = after(this.task, { type: "reclaim", reason: "lease_expired" }, this.facts.startedAtMs as number);
    this.facts = { ...this.facts, state: "queued" };
  }

  fail() {
    this.nowMs++;
    const { assigned_to: agentId, generation } = this.task;
    this.task = after(this.task, { type: "fail", agentId, generation, error: "boom" }, this.nowMs);
    this.snapshot = { task: this.task, starts: this.facts.starts };
    this.facts = { ...this.facts, state: this.task.status === "dead_letter" ? "failed" : "queued" };
  }

  retry() {
    this.task = after(this.task, { type: "retry" }, this.snapshot.task.updated_at);
    this.facts = { state: "queued", starts: this.facts.starts, startedAtMs: null, startedBy: null };
  }

  complete() {
    this.nowMs++;
    const { assigned_to: agentId, generation } = this.task;
    const results = { result: { status: "ok" }, tokensUsed: 7, verificationReport: null, verificationHistory: [] };
    const command = { type: "complete", agentId, generation, ...results } as const;
    this.task = after(this.task, { ...command, verificationHistory: [] }, this.nowMs);
    const completion = { atMs: this.nowMs, decision, command: { ...command, verificationHistory: [] } };
    this.facts = { ...this.facts, state: "completed", completion };
  }

  /** Does what the number says, if the task is in a state for it. */
  step(choice: number) {
    const { state } = this.facts;
    if (state === "queued") this.take(`agent-${choice}`);
    else if (state === "failed") this.retry();
    else if (state === "active")
      [() => this.touch(), () => this.loseLease(), () => this.fail(), () => this.complete()][choice % 4]?.();
  }
}

describe("taskOf", () => {
  it("tells the same generation, state and holder as the core, whatever happened to the job", () => {
    assert(
      property(array(nat({ max: 7 }), { maxLength: 40 }), (choices) => {
        const job = new Job();
        for (const choice of choices) {
          job.step(choice);
          const read = taskOf(JSON.parse(JSON.stringify(job.snapshot)) as Snapshot, job.facts);
          const { status, generation, assigned_to, assigned_at, retry_count, last_error, result } = job.task;
          expect(read).toMatchObject({ status, generation, assigned_to, assigned_at, retry_count, last_error, result });
          expect(checkTask(read)).toEqual([]);
        }
      }),
    );
  });

  it("is the very task that the core has while it is held and when it is completed", () => {
    const job = new Job();
    job.take("ada");
    job.touch();
    expect(taskOf(job.snapshot, job.facts)).toEqual(job.task);
    job.complete();
    expect(taskOf(job.snapshot, job.facts)).toEqual(job.task);
  });

  it("ignores a touch of an earlier start", () => {
    const job = new Job();
    job.take("ada");
    job.touch();
    const { touch } = job.facts;
    job.loseLease();
    job.take("bob");
    expect(taskOf(job.snapshot, { ...job.facts, touch })).toMatchObject({ updated_at: job.facts.startedAtMs, generation: 3 });
  });

  it("throws on a job that this hub cannot have written", () => {
    const job = new Job();
    job.take("ada");
    job.complete();
    const completion = job.facts.completion as NonNullable<JobFacts["completion"]>;
    const command = { ...completion.command, generation: 5 };
    expect(() => taskOf(job.snapshot, { ...job.facts, completion: { ...completion, command } })).toThrow("impossible complete");
  });
});
