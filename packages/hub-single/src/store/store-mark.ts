/**
 * What of a store is known to be on the disk, written beside it, so that a log that was cut off or taken away is found out at the
 * next start. LevelDB takes a short log for one that a crash cut off, and a missing store for a new one.
 */
import { open, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CannotStart } from "../cannot-start.ts";
import { damageIn } from "./log-check.ts";

/** At most so long before a kill -9 was the log last looked at; a cut within it cannot be told from one that the kill made. */
export const LOOK_EVERY_MS = 1_000;

interface Mark {
  /** Of the hub that wrote it. */
  pid: number;
  /** The newest log, and how much of it is on the disk for certain. */
  log: string;
  bytes: number;
}

const MARK = "store-mark.json";
const LOG = /^\d+\.log$/;

/** Called before the store is opened, which takes its logs in and removes them. Throws `CannotStart`. */
export async function checkStore(folder: string, store: string): Promise<void> {
  const mark = await readMark(folder);
  const names = await namesIn(store);
  const logs = names.filter((name) => LOG.test(name)).sort();
  const problem =
    missing(names, logs, mark) ??
    (await firstProblem(logs.map((log) => logProblem(store, log, log === mark?.log ? mark : undefined))));
  if (problem === undefined) return;
  if (mark && isAlive(mark.pid)) {
    throw new CannotStart(
      "data_folder_in_use",
      `the data folder ${folder} is in use by process ${mark.pid}; stop that one or name another folder with --data (if it is no hub: ${problem})`,
    );
  }
  throw new CannotStart(
    "store_corrupt",
    `the store in ${folder} is damaged: ${problem}; acknowledged tasks may be missing. Restore the folder from a copy, start with an empty one, or, to go on with what is left, remove ${join(folder, MARK)} and the damaged file`,
  );
}

function missing(names: readonly string[], logs: readonly string[], mark: Mark | undefined): string | undefined {
  if (names.length === 0) return mark && "its files are gone";
  if (!names.includes("CURRENT")) return "its file CURRENT is gone";
  // A newer one has taken over what was in an older one.
  if (mark && !logs.some((log) => Number.parseInt(log) >= Number.parseInt(mark.log))) return `its log ${mark.log} is gone`;
  return undefined;
}

async function logProblem(store: string, log: string, mark: Mark | undefined): Promise<string | undefined> {
  const bytes = await read(join(store, log));
  if (bytes === undefined) return undefined;
  if (mark && bytes.length < mark.bytes) return `its log ${log} was cut off at ${bytes.length} of ${mark.bytes} bytes`;
  const at = damageIn(bytes, mark?.bytes);
  return at === undefined ? undefined : `its log ${log} cannot be read at byte ${at}`;
}

async function firstProblem(problems: readonly Promise<string | undefined>[]): Promise<string | undefined> {
  return (await Promise.all(problems)).find((problem) => problem !== undefined);
}

/** Keeps the mark of an open store. */
export class StoreMark {
  readonly #folder: string;
  readonly #store: string;
  #last: Mark | undefined;
  #looking: Promise<void> | undefined;

  constructor(folder: string, store: string) {
    this.#folder = folder;
    this.#store = store;
  }

  /** Brings the newest log to the disk as far as it goes now, and then says so. A mark that a loss of power spoils claims nothing. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** The last look, when the store is closed. */
  async close(): Promise<void> {
    await this.#looking;
    await this.look();
  }

  async #look(): Promise<void> {
    try {
      await this.#mark();
    } catch (error) {
      // A look that is missed claims less; the next one makes up for it.
      if (!OUT_OF_FILES.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }

  async #mark(): Promise<void> {
    const log = (await namesIn(this.#store))
      .filter((name) => LOG.test(name))
      .sort()
      .at(-1);
    if (log === undefined) return;
    const bytes = await syncedBytes(join(this.#store, log));
    if (bytes === undefined || (this.#last?.log === log && this.#last.bytes === bytes)) return;
    const mark: Mark = { pid: process.pid, log, bytes };
    const path = join(this.#folder, MARK);
    await writeFile(`${path}.new`, JSON.stringify(mark));
    await rename(`${path}.new`, path);
    this.#last = mark;
  }
}

/** The process or the system has no file to spare. */
const OUT_OF_FILES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"]);

/** Undefined: LevelDB has removed it meanwhile. */
async function syncedBytes(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, "r+");
    try {
      const { size } = await file.stat();
      await file.datasync();
      return size;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function readMark(folder: string): Promise<Mark | undefined> {
  const bytes = await read(join(folder, MARK));
  if (bytes === undefined) return undefined;
  try {
    const { pid, log, bytes: size } = JSON.parse(Buffer.from(bytes).toString("utf8")) as Partial<Mark>;
    if (typeof pid === "number" && typeof log === "string" && typeof size === "number") return { pid, log, bytes: size };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  // Spoilt by a loss of power: it is renamed without a sync of its own, since it must not cost what it guards.
  return undefined;
}

async function namesIn(store: string): Promise<string[]> {
  try {
    return await readdir(store);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: string }).code === "ENOENT";
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
