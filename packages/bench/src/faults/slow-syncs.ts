/** Makes each fsync and fdatasync of a running program take longer, by strace: the call is held back before the kernel sees it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ManagedProcess, type ProcessCare, systemProgram } from "../machine/index.ts";

const CALLS = "fsync,fdatasync,sync_file_range,msync";
const ATTACHED_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 10;

/** Why this machine cannot do it, with the next step; undefined when it can, as far as can be told without trying. */
export function slowSyncsProblem(): string | undefined {
  return systemProgram("strace") === undefined ? "syncs are held back by strace: `sudo apt-get install strace`" : undefined;
}

export class SlowSyncs {
  readonly #strace: ManagedProcess;

  /** Resolves when it has begun. The program is traced meanwhile, which costs it a little at every call. */
  static async of(pid: number, delayMs: number, { care, log }: { care: ProcessCare; log: string }): Promise<SlowSyncs> {
    const held = [`--trace=${CALLS}`, `--inject=${CALLS}:delay_enter=${delayMs * 1_000}`];
    const strace = await care.start({
      name: "strace",
      role: "fault",
      command: systemProgram("strace") ?? "strace",
      args: ["--follow-forks", "--quiet=attach,exit,thread-execve", "--output=/dev/null", ...held, `--attach=${pid}`],
      stdout: "log",
      log: join(log, "strace.log"),
    });
    const limitMs = performance.now() + ATTACHED_WITHIN_MS;
    while (!isTraced(pid)) {
      if (!strace.alive || performance.now() > limitMs) {
        await strace.stop();
        throw new Error(`strace could not take hold of process ${pid}; it needs the right to trace it\n${strace.logTail()}`);
      }
      await sleep(LOOK_EVERY_MS);
    }
    return new SlowSyncs(strace);
  }

  private constructor(strace: ManagedProcess) {
    this.#strace = strace;
  }

  /** The program goes on as it was. */
  async end(): Promise<void> {
    await this.#strace.stop();
  }
}

function isTraced(pid: number): boolean {
  return /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}
