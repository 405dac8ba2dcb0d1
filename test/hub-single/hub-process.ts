/** The single hub as a program of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(import.meta.resolve("@hubscale/hub-single/main"));

export interface HubSurroundings {
  /** `ulimit -n` of the hub. */
  openFiles?: number;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

export class HubProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly ws: string;
  readonly http: string;

  private constructor(child: ChildProcess, ended: Promise<Ended>, ready: { ws: [string]; http: [string] }) {
    this.child = child;
    this.ended = ended;
    [this.ws] = ready.ws;
    [this.http] = ready.http;
  }

  /** Resolves when the hub is ready, or to how it ended instead. It ends with the test's process, whatever becomes of the test. */
  static async start(flags: readonly string[], { openFiles }: HubSurroundings = {}): Promise<HubProcess | Ended> {
    const command = [process.execPath, program, "--port", "0", "--rate-limits", "off", "--exit-with-parent", ...flags];
    const [file = "", ...args] = openFiles === undefined ? command : withOpenFiles(openFiles, command);
    const child = spawn(file, args);
    const ended = Promise.all([once(child, "exit"), text(child.stderr)]).then(
      ([[code, signal], stderr]): Ended => ({ code, signal, stderr }),
    );
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await Promise.race([lines.next(), ended]);
    if ("code" in first || first.done === true) return ended;
    return new HubProcess(child, ended, JSON.parse(first.value));
  }

  /** Starts a hub that must become ready. */
  static async ready(flags: readonly string[], surroundings: HubSurroundings = {}): Promise<HubProcess> {
    const hub = await HubProcess.start(flags, surroundings);
    if (hub instanceof HubProcess) return hub;
    throw new Error(`the hub ended with ${hub.code}: ${hub.stderr}`);
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }

  async call(method: string, path: string, { token, body }: { token?: string; body?: unknown } = {}) {
    const response = await fetch(`${this.http}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async register(agentId: string): Promise<string> {
    const { status, body } = await this.call("POST", "/api/onboard/register", { body: { agent_id: agentId } });
    if (status !== 201) throw new Error(`registration answered ${status}`);
    return body["token"] as string;
  }
}

/** The command under a limit of open files. */
export function withOpenFiles(openFiles: number, command: readonly string[]): string[] {
  return ["bash", "-c", `ulimit -n ${openFiles}; exec "$@"`, "bash", ...command];
}

export interface TemporaryFolder {
  path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "hub-single-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
