/** One child process: its output, its end, and how to end it. Made by `ProcessCare`, which also ends it when nobody else does. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { signalGroup } from "./process-identity.ts";

export interface ChildSpec {
  /** For messages: `redis-server`, `hub node 2`. */
  name: string;
  /** Children of one role are stopped together, roles in the reverse order of their start: hubs before the servers that they use. */
  role: string;
  command: string;
  args: readonly string[];
  /** The whole environment of the child; without it, ours. */
  env?: Record<string, string>;
  cwd?: string;
  /** `lines`: read here, for a ready line. `log`: goes where stderr goes. */
  stdout: "lines" | "log";
  /** A file to append to, or `inherit` for our own stderr. A file costs this process nothing while it measures. */
  log: string;
  /** Keeps a pipe to the child's stdin open, so that a child with `--exit-with-parent` ends when we do, however we end. */
  holdStdin?: boolean;
}

export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A child that is told to end has this long before it is killed: a hub under a small CPU quota needs seconds to drain. */
export const STOP_GRACE_MS = 5_000;

const LOG_TAIL_LINES = 20;

export class ManagedProcess {
  readonly name: string;
  readonly role: string;
  readonly pid: number;
  /** Resolves when the process has ended and its output is read; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #lines: AsyncIterator<string> | undefined;
  #end: ProcessEnd | undefined;

  /** Rejects when the command cannot be started. `onSpawn` is called with the pid at once, before anything is awaited. */
  static async start(spec: ChildSpec, onSpawn: (pid: number) => void): Promise<ManagedProcess> {
    const log = spec.log === "inherit" ? 2 : openSync(spec.log, "a");
    try {
      const child = spawn(spec.command, spec.args, {
        stdio: [spec.holdStdin ? "pipe" : "ignore", spec.stdout === "lines" ? "pipe" : log, log],
        // A group of its own: Ctrl-C on the terminal reaches us alone, and we end the children in order.
        detached: true,
        ...(spec.env && { env: spec.env }),
        ...(spec.cwd !== undefined && { cwd: spec.cwd }),
      });
      if (child.pid !== undefined) onSpawn(child.pid);
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", (cause) => reject(new Error(`cannot start ${spec.name} (${spec.command})`, { cause })));
      });
      return new ManagedProcess(spec, child);
    } finally {
      if (log !== 2) closeSync(log);
    }
  }

  private constructor(spec: ChildSpec, child: ChildProcess) {
    this.name = spec.name;
    this.role = spec.role;
    this.pid = child.pid as number;
    this.#child = child;
    this.#log = spec.log;
    this.ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#end = { code, signal };
        resolve(this.#end);
      });
    });
    // A child that has closed its stdin makes the pipe fail; its end is reported by `ended`, so there is nothing more to do.
    child.stdin?.on("error", () => undefined);
    this.#lines = child.stdout ? createInterface({ input: child.stdout })[Symbol.asyncIterator]() : undefined;
  }

  get alive(): boolean {
    return this.#end === undefined;
  }

  /**
   * The first line on stdout that counts; those before it are dropped. Rejects with the tail of the log when the process ends first or `withinMs` have passed. What
   * the process prints after that line is read and dropped, so that its pipe never fills.
   */
  async firstLine(withinMs: number, counts: (line: string) => boolean = () => true): Promise<string> {
    let line = await this.nextLine(withinMs);
    while (!counts(line)) line = await this.nextLine(withinMs);
    await this.#lines?.return?.();
    this.#child.stdout?.resume();
    return line;
  }

  /** The next line on stdout, for a child that answers. Rejects like `firstLine`. */
  async nextLine(withinMs: number): Promise<string> {
    const lines = this.#lines;
    if (!lines) throw new Error(`${this.name}: its stdout is not read here`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), withinMs);
    });
    const next = await Promise.race([lines.next(), late]);
    clearTimeout(timer);
    if (next === "late") throw new Error(`${this.name} said nothing within ${withinMs / 1000} s\n${this.logTail()}`);
    if (next.done) {
      const end = await this.ended;
      throw new Error(`${this.name} ended at its start (${describeEnd(end)})\n${this.logTail()}`);
    }
    return next.value;
  }

  /** Writes a line to the stdin of a child that was started with `holdStdin`. */
  say(line: string): void {
    if (!this.#child.stdin) throw new Error(`${this.name}: its stdin is not held here`);
    this.#child.stdin.write(`${line}\n`);
  }

  /** The last lines of the log, indented; empty when the log is our own stderr, where they were seen already. */
  logTail(): string {
    if (this.#log === "inherit") return "";
    const lines = readFileSync(this.#log, "utf8").trimEnd().split("\n");
    return lines
      .slice(-LOG_TAIL_LINES)
      .map((line) => `    ${line}`)
      .join("\n");
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.alive && signalGroup(this.pid, signal);
  }

  /** SIGTERM and the end of stdin; SIGKILL when that has no effect within `graceMs`. Resolves when the process has ended. */
  async stop(graceMs: number = STOP_GRACE_MS): Promise<ProcessEnd> {
    if (this.#end) return this.#end;
    this.#child.stdin?.end();
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }
}

export function describeEnd({ code, signal }: ProcessEnd): string {
  return signal ? `signal ${signal}` : `exit code ${code}`;
}
