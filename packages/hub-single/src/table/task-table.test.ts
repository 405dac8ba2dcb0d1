import { noWork } from "../work-counters.ts";
import { rm } from "node:fs/promises";
import { type TaskCommand, transition } from "@hubscale/hub-core";
import type { Task } from "@hubscale/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DataFolder, openDataFolder } from "../data-folder.ts";
import { temporaryFolder } from "../testing/desk-in-folder.ts";
import { GroupCommitTable } from "./group-commit-table.ts";
import { LevelRows, type TaskRows } from "./level-rows.ts";
import { SerialSyncTable } from "./serial-sync-table.ts";
import { readStoredRows } from "./task-row.ts";
import type { Decision, RowObserver, TaskTable } from "./task-table.ts";

let folder: DataFolder;
let changes: { before: Task | undefined; after: Task | undefined }[];
let failures: Error[];

const observer: RowObserver = { changed: (before, after) => changes.push({ before, after }) };
const onFailure = (error: Error) => failures.push(error);

beforeEach(async () => {
  folder = await openDataFolder(await temporaryFolder());
  changes = [];
  failures = [];
});

afterEach(async () => {
  await folder.db.close();
  await rm(folder.path, { recursive: true });
});

const TABLES: Record<string, () => TaskTable> = {
  SerialSyncTable: () => new SerialSyncTable({ db: folder.db, observers: [observer], work: noWork(), onFailure }),
  GroupCommitTable: () =>
    new GroupCommitTable({ rows: new LevelRows(folder.db, noWork()), observers: [observer], live: [], onFailure }),
};

describe.each(Object.entries(TABLES))("%s", (_, open) => {
  it("has a row on disk once its insertion resolves", async () => {
    const table = open();
    await table.insert(taskOf("task-1"));
    expect((await readStoredRows(folder.db)).live).toEqual([taskOf("task-1")]);
    expect(await table.getMany(["task-1"])).toEqual([taskOf("task-1")]);
    expect(changes).toEqual([{ before: undefined, after: taskOf("task-1") }]);
  });

  it("takes changes of one row in the order of the calls", async () => {
    const table = open();
    const inserted = table.insert(taskOf("task-1"));
    const seen = await Promise.all([
      table.mutate("task-1", by({ type: "assign", agentId: "a" })),
      table.mutate("task-1", by({ type: "assign", agentId: "b" })),
      table.mutate("task-1", by({ type: "reclaim", reason: "stuck" })),
      table.mutate("task-1", by({ type: "assign", agentId: "c" })),
    ]);
    await inserted;
    expect(seen).toEqual(["assigned", "refused", "queued", "assigned"]);
    expect((await readStoredRows(folder.db)).live[0]).toMatchObject({ assigned_to: "c", generation: 3 });
  });

  it("shows a decision that there is no row, and removes one", async () => {
    const table = open();
    expect(await table.mutate("task-1", (row) => ({ answer: row }))).toBeUndefined();
    await table.insert(taskOf("task-1"));
    await table.mutate("task-1", by({ type: "cancel" }));
    expect(await table.getMany(["task-1"])).toEqual([]);
    expect((await readStoredRows(folder.db)).live).toEqual([]);
  });

  it("still knows a completed row, and refuses to change it", async () => {
    const table = open();
    await table.insert(taskOf("task-1"));
    await table.mutate("task-1", by({ type: "assign", agentId: "a" }));
    await table.mutate("task-1", by(completion(1)));
    expect(await table.mutate("task-1", by(completion(1)))).toBe("refused");
    expect(await table.getMany(["task-1"])).toMatchObject([{ status: "completed", result: "done" }]);
  });

  it("gives the rows that exist, in the order that was asked for", async () => {
    const table = open();
    for (const id of ["task-1", "task-2", "task-3"]) await table.insert(taskOf(id));
    await table.mutate("task-2", by({ type: "assign", agentId: "a" }));
    await table.mutate("task-2", by(completion(1)));
    const found = await table.getMany(["task-3", "task-2", "task-9", "task-1"]);
    expect(found.map((row) => row.id)).toEqual(["task-3", "task-2", "task-1"]);
  });

  it("folds over every row with the changes that were made before", async () => {
    const table = open();
    for (const id of ["task-1", "task-2"]) void table.insert(taskOf(id));
    void table.mutate("task-2", by({ type: "assign", agentId: "a" }));
    const seen: string[] = [];
    await table.fold((task) => seen.push(`${task.id} ${task.status}`));
    expect(seen).toEqual(["task-1 queued", "task-2 assigned"]);
  });

  it("forgets completed rows, and has nothing left to do once it is settled", async () => {
    const table = open();
    await table.insert(taskOf("task-1"));
    await table.mutate("task-1", by({ type: "assign", agentId: "a" }));
    await table.mutate("task-1", by(completion(1)));
    const forgotten = table.forget(["task-1"]);
    await table.settled();
    await forgotten;
    expect(table.backlog).toBe(0);
    expect(await table.getMany(["task-1"])).toEqual([]);
  });

  it("reports a store that fails, and acknowledges nothing", async () => {
    const table = open();
    await table.insert(taskOf("task-1"));
    await folder.db.close();
    await expect(table.insert(taskOf("task-2"))).rejects.toBeInstanceOf(Error);
    expect(failures.length).toBeGreaterThan(0);
  });
});

describe("SerialSyncTable", () => {
  it("syncs twice for each change: the row, then the header", async () => {
    const puts: { key: string; sync: unknown }[] = [];
    const { db } = folder;
    const watched = new Proxy(db, {
      get(target, name) {
        if (name === "put") {
          return (key: string, value: string, options: { sync?: boolean }) => {
            puts.push({ key, sync: options.sync });
            return target.put(key, value, options);
          };
        }
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    await new SerialSyncTable({ db: watched, observers: [], work: noWork(), onFailure }).insert(taskOf("task-1"));
    expect(puts).toEqual([
      { key: "task/task-1", sync: true },
      { key: "table-header", sync: true },
    ]);
  });
});

describe("GroupCommitTable", () => {
  it("lets no promise resolve before the commit that holds its change, and gathers meanwhile", async () => {
    const rows = new HeldRows(new LevelRows(folder.db, noWork()));
    const table = new GroupCommitTable({ rows, observers: [observer], live: [], onFailure });
    const done: string[] = [];
    const first = table.insert(taskOf("task-1")).then(() => done.push("insert 1"));
    await rows.commitCalled(1);
    const second = table.insert(taskOf("task-2")).then(() => done.push("insert 2"));
    const assigned = table.mutate("task-2", by({ type: "assign", agentId: "a" })).then(() => done.push("assign 2"));
    const refused = table.mutate("task-2", by({ type: "assign", agentId: "b" })).then(() => done.push("refuse 2"));
    const read = table.getMany(["task-2"]).then(() => done.push("read 2"));
    await turns(5);
    // The change is counted with at once, but nobody is told.
    expect(changes.at(-1)?.after?.status).toBe("assigned");
    expect(done).toEqual([]);
    expect(rows.commits).toEqual([["task-1"]]);

    rows.release();
    await first;
    await rows.commitCalled(2);
    await turns(5);
    expect(done).toEqual(["insert 1"]);
    expect(rows.commits[1]).toEqual(["task-2"]);
    rows.release();
    await Promise.all([second, assigned, refused, read]);
    expect(done.slice(1).sort()).toEqual(["assign 2", "insert 2", "read 2", "refuse 2"]);
    expect((await readStoredRows(folder.db)).live.map((row) => row.status)).toEqual(["queued", "assigned"]);
  });

  it("after a failed commit, fails everybody who waits and everybody who comes", async () => {
    const rows = new HeldRows(new LevelRows(folder.db, noWork()));
    const table = new GroupCommitTable({ rows, observers: [], live: [], onFailure });
    const first = table.insert(taskOf("task-1"));
    await rows.commitCalled(1);
    const gathered = table.insert(taskOf("task-2"));
    rows.fail(new Error("the disk is full"));
    await expect(first).rejects.toThrow("failed to commit");
    await expect(gathered).rejects.toThrow("failed to commit");
    await expect(table.insert(taskOf("task-3"))).rejects.toThrow("failed to commit");
    await expect(table.getMany(["task-1"])).rejects.toThrow("failed to commit");
    expect(failures.map((error) => (error.cause as Error).message)).toEqual(["the disk is full"]);
  });
});

describe("LevelRows", () => {
  it("commits with a sync", async () => {
    const options: unknown[] = [];
    const { db } = folder;
    const batch = db.batch.bind(db) as () => ReturnType<typeof db.batch>;
    db.batch = (() => {
      const chained = batch();
      const write = chained.write.bind(chained);
      chained.write = (given?: object) => {
        options.push(given);
        return write(given ?? {});
      };
      return chained;
    }) as unknown as typeof db.batch;
    await new LevelRows(db, noWork()).commit(
      new Map([
        ["task-1", taskOf("task-1")],
        ["task-2", null],
      ]),
    );
    expect(options).toEqual([{ sync: true }]);
  });
});

/** Holds each commit back until it is released. */
class HeldRows implements TaskRows {
  readonly #rows: TaskRows;
  readonly commits: string[][] = [];
  #finish: ((error?: Error) => void) | undefined;

  constructor(rows: TaskRows) {
    this.#rows = rows;
  }

  async commit(rows: ReadonlyMap<string, Task | null>): Promise<void> {
    this.commits.push([...rows.keys()]);
    await new Promise<void>((resolve, reject) => {
      this.#finish = (error) => (error ? reject(error) : resolve());
    });
    await this.#rows.commit(rows);
  }

  read(taskIds: readonly string[]): Promise<Task[]> {
    return this.#rows.read(taskIds);
  }

  scan(visit: (task: Task) => void): Promise<void> {
    return this.#rows.scan(visit);
  }

  async commitCalled(count: number): Promise<void> {
    while (this.commits.length < count) await turns(1);
  }

  release(): void {
    this.#finish?.();
  }

  fail(error: Error): void {
    this.#finish?.(error);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function by(command: TaskCommand): (row: Task | undefined) => Decision<string> {
  return (row) => {
    if (!row) return { answer: "absent" };
    const next = transition(row, command, 2);
    if (!next.ok) return { answer: "refused" };
    return { answer: next.task?.status ?? "removed", row: next.task ?? null };
  };
}

function completion(generation: number): TaskCommand {
  return {
    type: "complete",
    agentId: null,
    generation,
    result: "done",
    tokensUsed: null,
    verificationReport: null,
    verificationHistory: [],
  };
}

function taskOf(id: string): Task {
  return {
    id,
    status: "queued",
    priority: 2,
    description: "a task",
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
      effective_tier: "trivial",
      explicit_tier: "trivial",
      inferred: { tier: "standard", confidence: 0 },
      source: "explicit",
    },
    routing_decision: null,
    skip_verification: false,
    verification_timeout_ms: null,
    max_verification_retries: 5,
    max_retries: 3,
    retry_count: 0,
    generation: 0,
    assigned_to: null,
    assigned_at: null,
    submitted_by: "tester",
    created_at: 1,
    updated_at: 1,
    last_error: null,
    result: null,
    tokens_used: null,
    verification_report: null,
    verification_history: [],
    history: [],
  };
}
