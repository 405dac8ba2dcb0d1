/**
 * Everything that a program starts or makes on this machine, so that nothing of it is left: child processes, temporary
 * folders, mounts, and hooks for the rest. One `ProcessCare` per program, made by its composition root.
 *
 * Ends of the program that are covered: `close()`, SIGINT, SIGTERM, SIGHUP, an uncaught exception, `process.exit`, and, by a
 * watchdog process, SIGKILL and a crash of the runtime.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { diskFolder } from "./filesystem.ts";
import { type ChildSpec, ManagedProcess, STOP_GRACE_MS } from "./managed-process.ts";
import { detachMount } from "./mounts.ts";
import { signalGroup, startMarkOf } from "./process-identity.ts";
import { type WatchdogNote, writeNote } from "./watchdog-protocol.ts";

export interface ProcessCareOptions {
  /**
   * Ends the program on SIGINT, SIGTERM, SIGHUP and uncaught exceptions, after closing. A second signal ends it at once. Off
   * inside a test runner, which has its own handling.
   */
  handleSignals: boolean;
  /** Exit code after a signal. Default: 128 + its number, as a shell reports it. */
  exitCodeOf?: (signal: NodeJS.Signals) => number;
  /** How long a child that is told to end may take. Default `STOP_GRACE_MS`. */
  stopGraceMs?: number;
  /** Where the cause of an unforeseen end is told. Default: stderr. */
  tell?: (line: string) => void;
}

/** Closes what a program has opened beside processes and folders: CPU groups, connections, the progress line. */
export type EndHook = () => void | Promise<void>;

const ENDING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export class ProcessCare {
  readonly #watchdog: ChildProcess;
  readonly #notes: Writable;
  readonly #children = new Map<number, ManagedProcess>();
  /** Pids between spawn and the child's own registration above. */
  readonly #starting = new Set<number>();
  readonly #folders = new Set<string>();
  readonly #mounts = new Set<string>();
  readonly #hooks: EndHook[] = [];
  readonly #undoHandlers: (() => void)[] = [];
  readonly #tell: (line: string) => void;
  readonly #stopGraceMs: number;
  #closing: Promise<void> | undefined;

  constructor(options: ProcessCareOptions) {
    this.#tell = options.tell ?? ((line) => process.stderr.write(`${line}\n`));
    this.#stopGraceMs = options.stopGraceMs ?? STOP_GRACE_MS;
    this.#watchdog = spawn(process.execPath, [fileURLToPath(new URL("./watchdog-main.js", import.meta.url))], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    this.#notes = this.#watchdog.stdin as Writable;
    // Without its watchdog the program still cleans up at every end but SIGKILL; that is worth a line, not an end.
    const lost = (error: Error) => this.#tell(`hubscale: the watchdog is gone (${error.message})`);
    this.#watchdog.on("error", lost);
    this.#notes.on("error", lost);
    // Neither the watchdog nor the pipe to it may keep the program running.
    this.#watchdog.unref();
    (this.#notes as Writable & { unref?(): void }).unref?.();
    this.#on("exit", () => this.#endAtOnce());
    if (options.handleSignals) this.#handleSignals(options.exitCodeOf ?? ((signal) => 128 + constants.signals[signal]));
  }

  /** Starts a child; it is ended with the program at the latest. Rejects when it cannot be started or the program is ending. */
  async start(spec: ChildSpec): Promise<ManagedProcess> {
    if (this.#closing) throw new Error(`cannot start ${spec.name}: the program is ending`);
    let startedPid = 0;
    try {
      const child = await ManagedProcess.start(spec, (pid) => {
        startedPid = pid;
        this.#starting.add(pid);
        const startMark = startMarkOf(pid);
        if (startMark !== undefined) this.#note({ process: pid, startMark });
      });
      this.#children.set(child.pid, child);
      void child.ended.then(() => {
        this.#children.delete(child.pid);
        this.#note({ processEnded: child.pid });
      });
      // The program may have begun to end while the child was starting: then it was not among those that were stopped.
      if (this.#closing) await child.stop(0);
      return child;
    } finally {
      this.#starting.delete(startedPid);
    }
  }

  /**
   * A new empty folder, removed with the program at the latest. By default on a disk, since a sync in a folder that is kept in
   * memory would be worth nothing.
   */
  temporaryFolder(purpose: string, parent: string = diskFolder([tmpdir(), "/var/tmp"])): string {
    const folder = mkdtempSync(join(parent, `hubscale-${purpose}-`));
    this.#folders.add(folder);
    this.#note({ folder });
    return folder;
  }

  removeFolder(folder: string): void {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    if (this.#folders.delete(folder)) this.#note({ folderRemoved: folder });
  }

  /** To be said before something is mounted there: it is unmounted with the program at the latest. */
  mounting(point: string): void {
    this.#mounts.add(point);
    this.#note({ mount: point });
  }

  unmount(point: string): void {
    if (!this.#mounts.delete(point)) return;
    detachMount(point);
    this.#note({ unmounted: point });
  }

  /** Runs `hook` when the program ends in an orderly way, before the children are stopped; last added, first run. */
  atEnd(hook: EndHook): void {
    this.#hooks.push(hook);
  }

  /** Pids of the living children by role. */
  get pidsByRole(): Map<string, number[]> {
    const roles = new Map<string, number[]>();
    for (const child of this.#children.values()) roles.set(child.role, [...(roles.get(child.role) ?? []), child.pid]);
    return roles;
  }

  /** Undefined when it could not be started. */
  get watchdogPid(): number | undefined {
    return this.#watchdog.pid;
  }

  /** Whether the program is on its way out: what ends now has been told to. */
  get ending(): boolean {
    return this.#closing !== undefined;
  }

  /** Runs the hooks, stops the children, unmounts, removes the folders, ends the watchdog. The same promise for every caller. */
  close(): Promise<void> {
    this.#closing ??= this.#closeOnce();
    return this.#closing;
  }

  async #closeOnce(): Promise<void> {
    for (const hook of this.#hooks.toReversed()) {
      try {
        await hook();
      } catch (error) {
        this.#tell(`hubscale: while ending: ${(error as Error).message}`);
      }
    }
    for (const role of [...this.pidsByRole.keys()].toReversed()) {
      const children = [...this.#children.values()].filter((child) => child.role === role);
      await Promise.all(children.map((child) => child.stop(this.#stopGraceMs)));
    }
    for (const point of this.#mounts) this.unmount(point);
    for (const folder of this.#folders) this.removeFolder(folder);
    for (const undo of this.#undoHandlers) undo();
    await this.#endWatchdog();
  }

  async #endWatchdog(): Promise<void> {
    if (this.#watchdog.exitCode !== null || this.#watchdog.signalCode !== null) return;
    this.#watchdog.ref();
    const ended = once(this.#watchdog, "exit");
    this.#notes.end();
    await ended;
  }

  /** The synchronous end, in the `exit` event: no waiting is possible any more. */
  #endAtOnce(): void {
    for (const pid of [...this.#children.keys(), ...this.#starting]) signalGroup(pid, "SIGKILL");
    for (const point of this.#mounts) detachMount(point);
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #note(note: WatchdogNote): void {
    if (this.#notes.writable) this.#notes.write(writeNote(note));
  }

  #handleSignals(exitCodeOf: (signal: NodeJS.Signals) => number): void {
    for (const signal of ENDING_SIGNALS) {
      this.#on(signal, () => {
        this.#closeAndExit(exitCodeOf(signal));
      });
    }
    this.#on("uncaughtException", (error: Error) => {
      this.#tell(`hubscale: unforeseen error: ${error.stack ?? error.message}`);
      this.#closeAndExit(1);
    });
  }

  /** When the program is ending already, whoever asks again wants it now: `exit` kills what is left. */
  #closeAndExit(code: number): void {
    if (this.#closing) process.exit(code);
    void this.close().finally(() => process.exit(code));
  }

  #on(event: string, handler: (...args: never[]) => void): void {
    process.on(event, handler as (...args: unknown[]) => void);
    this.#undoHandlers.push(() => process.off(event, handler as (...args: unknown[]) => void));
  }
}
