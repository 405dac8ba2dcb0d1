/** Random sequences of commands over several tasks and agents, against a second, much simpler book-keeping. */
import { LIMITS, type Task } from "@hubscale/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkTask, LifecycleChecker } from "./invariants.ts";
import { routeTask } from "./routing.ts";
import { draftOf } from "./task-draft.ts";
import { newTask, type RefusalCode, type TaskCommand, transition } from "./task-transition.ts";

/** Who reports: the agent that holds the task, one whose name the hub does not check, or another one. */
type Reporter = "holder" | "unchecked" | "other";
type Act =
  | { do: "route" | "expire" | "cancel" | "retry" | "reclaim" }
  | { do: "assign"; agentId: string }
  | { do: "touch"; reporter: Reporter }
  /** `offset` from the present generation: 0 is right, all others are stale or made up. */
  | { do: "complete" | "fail"; reporter: Reporter; offset: number };
type Step = { submit: { maxRetries: number } } | { at: number; act: Act };

const reporter = fc.constantFrom<Reporter>("holder", "holder", "unchecked", "other");
const offset = fc.oneof(fc.constant(0), fc.integer({ min: -3, max: 2 }));
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("assign" as const), agentId: fc.constantFrom("alice", "bob", "carol") }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("complete" as const, "fail" as const, "fail" as const), reporter, offset }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("touch" as const), reporter }) },
  {
    weight: 5,
    arbitrary: fc.constantFrom<Act>(
      { do: "reclaim" },
      { do: "reclaim" },
      { do: "route" },
      { do: "expire" },
      { do: "cancel" },
      { do: "retry" },
      { do: "retry" },
    ),
  },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ submit: fc.record({ maxRetries: fc.nat(3) }) }) },
  { weight: 12, arbitrary: fc.record({ at: fc.nat(3), act }) },
);
const steps = (length: { minLength?: number; maxLength: number }) => fc.array(step, { ...length, size: "max" });

/** All that the model knows of a task. */
interface Book {
  phase: "queued" | "assigned" | "completed" | "dead_letter" | "cancelled";
  generation: number;
  holder: string | null;
  failures: number;
  maxRetries: number;
}

/** What must come of an act by §5 of the contract, as the model has it. */
function expected(book: Book, on: Act): Partial<Book> | RefusalCode {
  const { phase, generation } = book;
  const back = { phase: "queued", holder: null, generation: generation + 1 } as const;
  switch (on.do) {
    case "route":
      return phase === "queued" ? {} : "invalid_state";
    case "assign":
      return phase === "queued" ? { phase: "assigned", holder: on.agentId, generation: generation + 1 } : "invalid_state";
    case "touch":
      if (phase !== "assigned") return "invalid_state";
      return on.reporter === "other" ? "wrong_agent" : {};
    case "complete":
    case "fail": {
      if (phase !== "assigned") return "invalid_state";
      if (on.offset !== 0) return "stale_generation";
      if (on.reporter === "other") return "wrong_agent";
      if (on.do === "complete") return { phase: "completed" };
      const failures = book.failures + 1;
      return failures >= book.maxRetries ? { phase: "dead_letter", holder: null, failures } : { ...back, failures };
    }
    case "reclaim":
      return phase === "assigned" ? back : "invalid_state";
    case "expire":
      return phase === "queued" ? { phase: "dead_letter" } : "invalid_state";
    case "cancel":
      return phase === "queued" || phase === "assigned" ? { phase: "cancelled", holder: null } : "invalid_state";
    case "retry":
      return phase === "dead_letter" ? { ...back, failures: 0 } : "invalid_state";
  }
}

function commandFor(on: Act, task: Task): TaskCommand {
  const by = { holder: task.assigned_to ?? "nobody", unchecked: null, other: `not-${task.assigned_to}` };
  switch (on.do) {
    case "route":
      return { type: "route", decision: routeTask(task, [], 0) };
    case "assign":
      return { type: "assign", agentId: on.agentId };
    case "touch":
      return { type: "touch", agentId: by[on.reporter] };
    case "complete":
      return {
        type: "complete",
        agentId: by[on.reporter],
        generation: task.generation + on.offset,
        result: null,
        tokensUsed: null,
        verificationReport: null,
        verificationHistory: [],
      };
    case "fail":
      return { type: "fail", agentId: by[on.reporter], generation: task.generation + on.offset, error: "boom" };
    case "reclaim":
      return { type: "reclaim", reason: "agent_disconnected" };
    default:
      return { type: on.do };
  }
}

/** Does the steps on stored tasks as a hub would, and in the books, and notes where they differ. */
class Run {
  readonly stored = new Map<string, Task>();
  readonly books = new Map<string, Book>();
  readonly checker = new LifecycleChecker();
  readonly found: string[] = [];
  #nowMs = 1_000_000;

  constructor(taken: Iterable<Step> = []) {
    for (const next of taken) this.take(next);
  }

  take(next: Step): void {
    this.#nowMs += 7;
    if ("submit" in next) return this.#submit(next.submit.maxRetries);
    const id = [...this.books.keys()][next.at % this.books.size];
    if (id !== undefined) this.act(id, next.act);
  }

  #submit(maxRetries: number): void {
    const id = `task-${this.books.size}`;
    this.stored.set(id, deepFreeze(newTask(id, draftOf({ description: "x", max_retries: maxRetries }, "sub"), this.#nowMs)));
    this.books.set(id, { phase: "queued", generation: 0, holder: null, failures: 0, maxRetries });
    this.found.push(...this.checker.observe({ taskId: id, what: "submitted", generation: 0 }));
  }

  act(id: string, on: Act): void {
    const before = this.stored.get(id);
    const book = this.books.get(id);
    if (!before || !book) return;
    const outcome = transition(before, commandFor(on, before), this.#nowMs);
    const change = expected(book, on);
    const should = typeof change === "string" ? change : "ok";
    const did = outcome.ok ? "ok" : outcome.code;
    if (did !== should) this.found.push(`${on.do} on ${JSON.stringify(book)}: ${did}, should be ${should}`);
    if (!outcome.ok || typeof change === "string") return;
    Object.assign(book, change);
    if (outcome.task) this.stored.set(id, deepFreeze(outcome.task));
    else this.stored.delete(id);
    this.#compare(book, before, outcome.task, on);
    const generation = outcome.task?.generation ?? before.generation;
    this.found.push(...this.checker.observe({ taskId: id, what: outcome.event.type, generation }));
  }

  #compare(book: Book, before: Task, after: Task | undefined, on: Act): void {
    const note = (holds: boolean, otherwise: string) => {
      if (!holds) this.found.push(`${before.id} after ${on.do}: ${otherwise}`);
    };
    if (!after) return note(book.phase === "cancelled", "it is gone");
    note(after.id === before.id && after.created_at === before.created_at, "it is another task");
    note(after.status === book.phase, `is ${after.status}, should be ${book.phase}`);
    note(after.generation === book.generation, `generation ${after.generation}, should be ${book.generation}`);
    note(after.generation >= before.generation, "the generation fell");
    note(after.retry_count === book.failures, `retry_count ${after.retry_count}, should be ${book.failures}`);
    note(after.assigned_to === book.holder, `held by ${after.assigned_to}, should be by ${book.holder}`);
    note(after.updated_at === this.#nowMs, "updated_at is not now");
    const silent = on.do === "route" || on.do === "touch";
    const older = silent ? after.history : after.history.slice(1);
    const kept = silent ? before.history : before.history.slice(0, LIMITS.historyEntries - 1);
    note(JSON.stringify(older) === JSON.stringify(kept), "the history was rewritten");
    note(silent || after.history[0]?.timestamp === this.#nowMs, "the newest entry is not first");
    this.found.push(...checkTask(after));
  }

  /** All that was found wrong, also with what is stored at the end: nothing submitted may be missing. */
  complaints(): string[] {
    const alive = [...this.books].filter(([, book]) => book.phase !== "cancelled").map(([id]) => id);
    const lost = alive.filter((id) => !this.stored.has(id)).map((id) => `${id} is lost`);
    const extra = [...this.stored.keys()].filter((id) => !alive.includes(id)).map((id) => `${id} rose from the dead`);
    return [...this.found, ...lost, ...extra, ...this.checker.compare(this.stored.values())];
  }
}

/** A transition that changed its argument would throw. */
function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

describe("any sequence of commands", () => {
  it("keeps every task, completes none twice and accepts no stale generation", () => {
    fc.assert(
      fc.property(fc.nat(3), steps({ maxLength: 120 }), (maxRetries, taken) => {
        expect(new Run([{ submit: { maxRetries } }, ...taken]).complaints()).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps the newest 50 entries of a task that is handed around for long", () => {
    const round: Act[] = [{ do: "assign", agentId: "alice" }, { do: "touch", reporter: "holder" }, { do: "reclaim" }];
    const run = new Run([
      { submit: { maxRetries: 1 } },
      ...Array.from({ length: 120 }, (_, turn) => ({ at: 0, act: round[turn % round.length] as Act })),
    ]);
    expect(run.complaints()).toEqual([]);
    expect(run.stored.get("task-0")).toMatchObject({ generation: 80, history: { length: LIMITS.historyEntries } });
  });

  it("lets each task be brought to an end from wherever it is", () => {
    fc.assert(
      fc.property(steps({ maxLength: 60 }), (taken) => {
        const run = new Run(taken);
        for (const id of run.books.keys()) {
          run.act(id, { do: "retry" });
          run.act(id, { do: "assign", agentId: "alice" });
          run.act(id, { do: "complete", reporter: "holder", offset: 0 });
        }
        expect(run.complaints()).toEqual([]);
        expect(run.checker.open()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("is drawn so that every phase and every refusal occurs", () => {
    const seen = new Set<string>();
    for (const taken of fc.sample(steps({ minLength: 60, maxLength: 120 }), { numRuns: 100, seed: 1 })) {
      const run = new Run();
      for (const next of taken) {
        const book = "at" in next ? [...run.books.values()][next.at % run.books.size] : undefined;
        const outcome = book && "at" in next ? expected(book, next.act) : undefined;
        if (typeof outcome === "string") seen.add(outcome);
        run.take(next);
      }
      for (const book of run.books.values()) seen.add(book.phase);
    }
    const phases = ["queued", "assigned", "completed", "dead_letter", "cancelled"];
    expect([...seen]).toEqual(expect.arrayContaining([...phases, "invalid_state", "stale_generation", "wrong_agent"]));
  });
});
