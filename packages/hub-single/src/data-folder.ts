/** The hub's folder on disk: one LevelDB database, whose lock keeps a second hub out, and room for the token file. */
import { constants, existsSync } from "node:fs";
import { access, mkdir, readdir, stat, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import { Level } from "level";
import { CannotStart } from "./cannot-start.ts";
import { databaseOn, type Disk, DISK_AS_IT_IS } from "./disk.ts";
import { checkStore, StoreMark } from "./store/store-mark.ts";

export type Database = Level<string, string>;

/** Key prefixes: one database holds all kinds of rows, so that one synced batch can hold several. */
export const KEYS = {
  task: "task/",
  tableHeader: "table-header",
  token: "token/",
  endpoint: "endpoint/",
  message: "message/",
  mailbox: "mailbox/",
  submission: "submission/",
  submissionTime: "submission-time/",
} as const;

export interface DataFolder {
  readonly path: string;
  readonly db: Database;
  readonly disk: Disk;
  readonly mark: StoreMark;
  /** Ends the store, and marks how it was left. */
  close(): Promise<void>;
}

/** Opens the folder, which is made if it is missing. Throws `CannotStart`. */
export async function openDataFolder(path: string, disk: Disk = DISK_AS_IT_IS): Promise<DataFolder> {
  try {
    await makeFolder(resolve(path));
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new CannotStart(
      "data_folder_unusable",
      `the data folder ${path} cannot be used: ${messageOf(error)}; name a folder that this user may write to with --data`,
      { cause: error },
    );
  }
  const store = join(path, "leveldb");
  await checkStore(path, store);
  const db: Database = new Level(store, { keyEncoding: "utf8", valueEncoding: "utf8" });
  try {
    await db.open();
  } catch (error) {
    throw openingError(path, error);
  }
  const mark = new StoreMark(path, store);
  await mark.look();
  const close = async () => {
    await db.close();
    await mark.close();
  };
  return { path, db: databaseOn(disk, db), disk, mark, close };
}

/** With its parents. Not by Node's own recursive way, which never returns below a file system that makes no folders, such as /proc. */
async function makeFolder(path: string): Promise<void> {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  await mkdir(path);
}

/** All keys with a prefix: `gte` the prefix itself, below the next character after its last one. */
export function rangeOf(prefix: string): { gte: string; lt: string } {
  const last = prefix.charCodeAt(prefix.length - 1);
  return { gte: prefix, lt: prefix.slice(0, -1) + String.fromCharCode(last + 1) };
}

/** Bytes of all files in the data folder. A file that LevelDB removes meanwhile counts as 0. */
export async function fileBytes(folder: DataFolder): Promise<number> {
  const names = await readdir(folder.path, { recursive: true });
  const sizes = await Promise.all(names.map((name) => sizeOf(join(folder.path, name))));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** A file system in memory acknowledges every fsync and survives no power loss: there, a sync is worth a process's life only. */
export async function durabilityOf(folder: DataFolder): Promise<{ verified: DurabilityLevel; how: string }> {
  const { type } = await statfs(folder.path);
  if (MEMORY_FILE_SYSTEMS.has(type)) return { verified: "process", how: "the data folder is on a file system in memory" };
  const how = "LevelDB sync:true (fdatasync) before every answer, on a file system with a disk";
  const { fsyncFloorMs } = folder.disk;
  const slowed = fsyncFloorMs > 0 ? `, each made to take ${fsyncFloorMs} ms or longer (--fsync-floor-ms)` : "";
  return { verified: "fsync", how: how + slowed };
}

/** tmpfs and ramfs, as statfs(2) on Linux names them. */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

function openingError(path: string, error: unknown): CannotStart {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as { code?: string }).code;
  if (code === "LEVEL_LOCKED") {
    return new CannotStart(
      "data_folder_in_use",
      `the data folder ${path} is in use by another hub; stop that one or name another folder with --data`,
      { cause },
    );
  }
  if (code === "LEVEL_CORRUPTION") {
    return new CannotStart(
      "store_corrupt",
      `the store in ${path} is damaged: ${messageOf(cause)}; restore the folder from a copy, or start with an empty one`,
      { cause },
    );
  }
  return new CannotStart("data_folder_unusable", `the store in ${path} cannot be opened: ${messageOf(cause)}`, { cause });
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : 0;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return 0;
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
