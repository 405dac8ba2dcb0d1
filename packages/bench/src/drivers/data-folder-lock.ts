/**
 * Keeps a second sharded hub out of a data folder: two servers on one folder overwrite what the other has acknowledged. The lock is
 * LevelDB's, on a small store of its own, as on the single hub: the kernel lets it go with the process, however that ends. The
 * servers end a moment later than a parent that was killed, so the store also names them.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Level } from "level";
import { startMarkOf } from "../machine/index.ts";
import type { Refusal } from "../provisioning/index.ts";

/** The watchdog of a killed hub ends its servers at once; the kernel takes a while to let go of a large one. */
const GONE_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 20;

export class DataFolderLock {
  readonly #store: Level<string, string>;

  private constructor(store: Level<string, string>) {
    this.#store = store;
  }

  /** The folder is made if need be. A refusal when another hub works on it, or it cannot be used. */
  static async take(folder: string): Promise<{ ok: true; lock: DataFolderLock } | { ok: false; refusal: Refusal }> {
    const store = new Level<string, string>(join(folder, "lock"));
    try {
      mkdirSync(folder, { recursive: true });
      await store.open();
    } catch (error) {
      return { ok: false, refusal: refusalOf(folder, error) };
    }
    const server = await serverLeft(store);
    if (server === undefined) {
      await store.clear();
      return { ok: true, lock: new DataFolderLock(store) };
    }
    await store.close();
    const message = `the data folder ${folder} is in use by a server of an earlier hub, process ${server}`;
    return {
      ok: false,
      refusal: { code: "data_folder", message, nextStep: `end process ${server}, or name another folder with --data` },
    };
  }

  /** Servers of this machine that work on the folder. */
  async hold(pids: readonly number[]): Promise<void> {
    await this.#store.batch(pids.map((pid) => ({ type: "put", key: String(pid), value: startMarkOf(pid) ?? "" })));
  }

  /** After the servers have ended. */
  async release(): Promise<void> {
    await this.#store.clear();
    await this.#store.close();
  }
}

/** One that is still there after a while. */
async function serverLeft(store: Level<string, string>): Promise<number | undefined> {
  const servers = await store.iterator().all();
  const limitMs = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const left = servers.find(([pid, startMark]) => startMarkOf(Number(pid)) === startMark);
    if (left === undefined) return undefined;
    if (performance.now() > limitMs) return Number(left[0]);
    await delay(LOOK_EVERY_MS);
  }
}

function refusalOf(folder: string, error: unknown): Refusal {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
  if ("code" in cause && cause.code === "LEVEL_LOCKED") {
    const message = `the data folder ${folder} is in use by another hub`;
    return { code: "data_folder", message, nextStep: "stop that one, or name another folder with --data" };
  }
  const message = `the data folder ${folder} cannot be used: ${cause.message}`;
  return { code: "data_folder", message, nextStep: "name a folder that this user may write to with --data" };
}
