/** Whatever way a program ends, nothing that it started or made is left. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ProcessCare, startMarkOf } from "hubscale/machine";
import { afterEach, describe, expect, it } from "vitest";
import { leftOf, nothing } from "./leftovers.ts";

const program = fileURLToPath(new URL("./programs/cared-program.mjs", import.meta.url));

interface Told {
  pids: number[];
  folder: string;
  watchdog: number;
}

interface Running {
  child: ChildProcess;
  told: Told;
  lines: AsyncIterator<string>;
  ended: Promise<unknown[]>;
}

async function startProgram(way: string, stopGraceMs = 300): Promise<Running> {
  const child = spawn(process.execPath, [program, way, String(stopGraceMs)], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  return { child, told: JSON.parse(first.value as string) as Told, lines, ended };
}

const everythingOf = ({ pids, folder, watchdog }: Told) => ({ pids: [...pids, watchdog], folders: [folder] });

describe("a program that has ended leaves nothing", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("after %s, with exit code %d and its hooks run", async (signal, exitCode) => {
    const { child, told, lines, ended } = await startProgram("wait");
    expect(told.pids.map((pid) => startMarkOf(pid))).not.toContain(undefined);
    child.kill(signal);
    expect(await ended).toEqual([exitCode, null]);
    expect((await lines.next()).value).toBe('{"closed":true}');
    expect(await leftOf(everythingOf(told), 0)).toEqual(nothing);
  });

  it("after SIGKILL, by its watchdog", async () => {
    const { child, told, ended } = await startProgram("wait");
    child.kill("SIGKILL");
    await ended;
    expect(await leftOf(everythingOf(told))).toEqual(nothing);
  });

  it("at once after a second Ctrl-C, while a stubborn child is waited for", async () => {
    const { child, told, ended } = await startProgram("wait", 3_600_000);
    const [stubborn, obedient] = told.pids as [number, number];
    child.kill("SIGINT");
    expect(await leftOf({ pids: [obedient], folders: [] })).toEqual(nothing);
    expect(startMarkOf(stubborn)).toBeDefined();
    child.kill("SIGINT");
    expect(await ended).toEqual([130, null]);
    expect(await leftOf(everythingOf(told))).toEqual(nothing);
  });

  it.each([
    ["throw", 1, true],
    ["exit", 7, false],
    ["close", 0, true],
  ] as const)("after %s", async (way, exitCode, hooksRun) => {
    const { told, lines, ended } = await startProgram(way);
    expect(await ended).toEqual([exitCode, null]);
    expect(JSON.parse((await lines.next()).value as string)).toEqual({ closed: hooksRun });
    expect(await leftOf(everythingOf(told))).toEqual(nothing);
  });
});

describe("the watchdog", () => {
  const bystanders: ChildProcess[] = [];
  afterEach(() => {
    for (const child of bystanders.splice(0)) child.kill("SIGKILL");
  });

  function bystander(): ChildProcess & { pid: number } {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" });
    bystanders.push(child);
    return child as ChildProcess & { pid: number };
  }

  it("ends what is on its list, but not a later process with the same id", async () => {
    const [known, later] = [bystander(), bystander()];
    const folder = mkdtempSync(join(tmpdir(), "hubscale-watchdog-test-"));
    const watchdog = spawn(
      process.execPath,
      [fileURLToPath(new URL("./watchdog-main.js", import.meta.resolve("hubscale/machine")))],
      {
        stdio: ["pipe", "ignore", "inherit"],
      },
    );
    const notes = [
      { process: known.pid, startMark: startMarkOf(known.pid) },
      { process: later.pid, startMark: "the start of another" },
      { folder },
      { folder: "/tmp" },
      { folderRemoved: "/tmp" },
    ];
    watchdog.stdin?.end(notes.map((note) => `${JSON.stringify(note)}\n`).join(""));
    expect(await once(watchdog, "exit")).toEqual([0, null]);
    expect(await leftOf({ pids: [known.pid], folders: [folder] }, 0)).toEqual(nothing);
    expect(startMarkOf(later.pid)).toBeDefined();
    rmSync(folder, { recursive: true, force: true });
  });
});

describe("a child", () => {
  it("that cannot be started is an error with its name", async () => {
    const care = new ProcessCare({ handleSignals: false });
    const spec = {
      name: "ghost",
      role: "test",
      command: "/nonexistent/ghost",
      args: [],
      stdout: "log",
      log: "inherit",
    } as const;
    await expect(care.start(spec)).rejects.toThrow("cannot start ghost");
    await care.close();
  });

  it("that ends at its start is an error with the end of its log; one that says nothing is late", async () => {
    const care = new ProcessCare({ handleSignals: false });
    const log = join(care.temporaryFolder("log"), "log");
    const run = (source: string) =>
      care.start({ name: "child", role: "test", command: process.execPath, args: ["-e", source], stdout: "lines", log });
    const broken = await run("console.error('the disk is full'); process.exit(3)");
    await expect(broken.firstLine(10_000)).rejects.toThrow(/exit code 3[^]*the disk is full/);
    const silent = await run("setInterval(() => {}, 1000)");
    await expect(silent.firstLine(100)).rejects.toThrow("said nothing within 0.1 s");
    await care.close();
    expect(silent.alive).toBe(false);
    await expect(run("1")).rejects.toThrow("the program is ending");
  });
});
