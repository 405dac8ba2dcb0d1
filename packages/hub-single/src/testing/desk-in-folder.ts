/** A real desk on a real store in a folder, with a clock and agents that a test moves by hand. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { draftOf, type EndpointView } from "@hubscale/hub-core";
import { ManualClock } from "@hubscale/hub-runtime/testing";
import type { SubmitTaskBody, Task } from "@hubscale/protocol";
import { type DataFolder, openDataFolder } from "../data-folder.ts";
import { type AssembledDesk, assembleDesk } from "../desk-assembly.ts";
import type { Fixes } from "../fixes.ts";
import { readStoredRows } from "../table/task-row.ts";
import { ScriptedRoster } from "./scripted-roster.ts";

export interface DeskInFolderOptions {
  fixes: Fixes;
  warts?: boolean;
  /** To start again on the folder of an earlier desk. */
  path?: string;
  clock?: ManualClock;
  retainCompletedRows?: number;
  endpoints?: EndpointView[];
}

export class DeskInFolder {
  readonly folder: DataFolder;
  readonly clock: ManualClock;
  readonly roster: ScriptedRoster;
  readonly assembled: AssembledDesk;
  readonly #failures: Error[] = [];
  endpoints: EndpointView[];
  static #ids = 0;

  static async open(options: DeskInFolderOptions): Promise<DeskInFolder> {
    const folder = await openDataFolder(options.path ?? (await temporaryFolder()));
    return new DeskInFolder(options, folder, await readStoredRows(folder.db));
  }

  private constructor(options: DeskInFolderOptions, folder: DataFolder, rows: Awaited<ReturnType<typeof readStoredRows>>) {
    this.folder = folder;
    this.clock = options.clock ?? new ManualClock();
    this.endpoints = options.endpoints ?? [];
    this.roster = new ScriptedRoster((event) => this.desk.notify(event));
    let id = options.path === undefined ? 0 : (DeskInFolder.#ids += 1_000_000);
    this.assembled = assembleDesk({
      db: folder.db,
      rows,
      fixes: options.fixes,
      warts: options.warts ?? false,
      retainCompletedRows: options.retainCompletedRows ?? 10_000,
      roster: this.roster,
      endpoints: () => this.endpoints,
      clock: this.clock,
      randomHex: (bytes) => (id++).toString(16).padStart(bytes * 2, "0"),
      onFailure: (error) => this.#failures.push(error),
    });
  }

  get desk() {
    return this.assembled.desk;
  }

  /** Submits, and expects it to be taken. */
  async submit(body: Partial<SubmitTaskBody> = {}): Promise<Task> {
    const answer = await this.desk.submit(draftOf({ description: "echo", complexity_tier: "trivial", ...body }, "tester"));
    if (!answer.ok) throw new Error(`refused: ${answer.code}`);
    // Without a key it is the whole row.
    return answer.task as Task;
  }

  /** The agent completes what it was last pushed, and is idle again. */
  async complete(agentId: string, result: unknown = { status: "success" }): Promise<Task | undefined> {
    const task = this.roster.pushed.findLast((push) => push.agentId === agentId)?.task;
    if (!task) return undefined;
    await this.desk.report(agentId, { type: "task_complete", task_id: task.id, generation: task.generation, result });
    this.roster.finish(agentId);
    return task;
  }

  /** Waits until nothing moves any more: no sweeps, no owed passes, no backlog, no pushes on their way. */
  async quiet(): Promise<void> {
    const { dispatcher, sweeps, table } = this.assembled;
    for (let still = 0; still < 3; ) {
      const pushes = this.roster.pushed.length;
      await sweeps.settled();
      await table.settled();
      await setImmediate();
      still = dispatcher.debt === 0 && table.backlog === 0 && this.roster.pushed.length === pushes ? still + 1 : 0;
    }
  }

  /** Ends as the program does; the folder stays. Throws what the program would have ended with. */
  async close(): Promise<void> {
    await this.desk.close();
    await this.folder.db.close();
    const [failure] = this.#failures;
    if (failure) throw failure;
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.folder.path, { recursive: true });
  }
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "hub-single-"));
}
