import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { GeneratorFailed, GeneratorProcess, startNullHub } from "hubscale/load";
import { afterEach, expect, test } from "vitest";

const dist = dirname(dirname(createRequire(import.meta.url).resolve("hubscale/load")));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const quiet = { phase: () => undefined, note: () => undefined };
const connection = {
  agents: 4,
  seed: 1,
  behaviour: {
    workTime: { kind: "constant", ms: 0 },
    progress: null,
    failure: { share: 0, as: "failed" },
    outputChars: 0,
  },
  timeScale: 1,
  prefix: "p",
  httpConnections: 2,
  limitMs: 5_000,
} as const;

async function nullHub() {
  const hub = await startNullHub({ port: 0 });
  closers.push(() => hub.close());
  return hub;
}

function generator() {
  const child = new GeneratorProcess(quiet);
  closers.push(() => child.kill());
  return child;
}

test("a generator in its own process connects, runs a trial and gives the history when it closes", async () => {
  const hub = await nullHub();
  const child = generator();
  const connected = await child.connect({ ...connection, ws: [hub.wsUrl], http: [hub.httpUrl] });
  expect(connected).toMatchObject({ agents: 4 });
  const shape = { warmupMs: 50, durationMs: 300, graceMs: 100, drainLimitMs: 2_000, seed: 2 };
  const result = await child.trial({
    kind: "trial",
    id: "t",
    mode: "open",
    ratePerSec: 100,
    arrivals: "constant",
    ...shape,
    descriptionChars: 50,
    metadataBytes: 0,
  });
  expect(result.window).toMatchObject({ offered: 30, acknowledged: 30, completed: 30 });
  expect(await child.close()).toMatchObject({ submitted: 35, completed: 35, clean: true });
});

test("what cannot be done is refused with its code, and the generator takes further commands", async () => {
  const hub = await startNullHub({ port: 0 });
  await hub.close();
  const child = generator();
  const failure = await child.connect({ ...connection, ws: [hub.wsUrl], http: [hub.httpUrl] }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(GeneratorFailed);
  expect(failure).toMatchObject({ code: "unreachable" });
  const other = await nullHub();
  expect(await child.connect({ ...connection, ws: [other.wsUrl], http: [other.httpUrl] })).toMatchObject({ agents: 4 });
});

test("a generator that dies fails the command under way", async () => {
  const hub = await nullHub();
  const child = generator();
  const connecting = child.connect({ ...connection, ws: [hub.wsUrl], http: [hub.httpUrl] }).catch((error: unknown) => error);
  process.kill(child.pid as number, "SIGKILL");
  expect(await connecting).toMatchObject({ code: "gone" });
});

test("a generator whose bench is gone ends", async () => {
  const bench = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { GeneratorProcess } from "hubscale/load";
       const child = new GeneratorProcess({ phase() {}, note() {} });
       console.log(child.pid);`,
    ],
    { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"] },
  );
  closers.push(() => bench.kill("SIGKILL"));
  const pid = Number(await firstLine(bench));
  expect(isAlive(pid)).toBe(true);
  bench.kill("SIGKILL");
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
});

function sim(...args: string[]) {
  const child = spawn(process.execPath, [join(dist, "sim-cli.js"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  closers.push(() => child.kill("SIGKILL"));
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, out, err }));
  });
  return { child, ended, err: () => err };
}

test("sim: a wrong flag is usage, an absent hub an error, each with one line that helps", async () => {
  const wrong = await sim("--hub", "ws://127.0.0.1:1/ws", "--agents", "many").ended;
  expect(wrong).toMatchObject({ code: 2, err: expect.stringMatching(/^sim: --agents: 'many' .*\n$/) });
  const absent = await sim("--hub", "ws://127.0.0.1:1/ws").ended;
  expect(absent.code).toBe(1);
  expect(absent.err).toMatch(/cannot reach the hub at ws:\/\/127.0.0.1:1\/ws .*ECONNREFUSED/);
});

test("sim: more agents than files may be open is told before anything is registered", async () => {
  const child = spawn("sh", [
    "-c",
    `ulimit -n 400; exec "$0" "$@"`,
    process.execPath,
    join(dist, "sim-cli.js"),
    "--hub",
    "ws://127.0.0.1:1",
    "--agents",
    "500",
  ]);
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  expect(await new Promise((resolve) => child.once("close", resolve))).toBe(1);
  const isKnown = process.platform === "linux";
  expect(err).toMatch(isKnown ? /500 agents need 700 open files .* allows 400: use --processes 3,/ : /cannot reach the hub/);
});

test("sim: drives a hub for a while, keeps its tokens, and ends with a summary", async () => {
  const hub = await nullHub();
  const dir = mkdtempSync(join(tmpdir(), "sim-test-"));
  closers.push(() => rmSync(dir, { recursive: true }));
  const tokenFile = join(dir, "tokens.json");
  const { ended } = sim(
    "--hub",
    hub.wsUrl,
    "--agents",
    "5",
    "--rate",
    "50",
    "--work-ms",
    "0",
    "--duration-s",
    "1",
    "--token-file",
    tokenFile,
  );
  const { code, out } = await ended;
  expect(code).toBe(0);
  expect(out).toMatch(/with 5 agents: \d+ assigned/);
  expect(out).toMatch(/lost 0, duplicated 0, stale accepted 0/);
  expect(Object.keys(JSON.parse(readFileSync(tokenFile, "utf8"))).sort()).toEqual([
    "sim-0",
    "sim-1",
    "sim-2",
    "sim-3",
    "sim-4",
    "sim-submitter",
  ]);
});

test.each(["SIGINT", "SIGTERM"] as const)("sim: %s ends it cleanly with its summary", async (signal) => {
  const hub = await nullHub();
  const { child, ended, err } = sim("--hub", hub.wsUrl, "--rate", "20", "--work-ms", "10");
  while (!err().includes("all connected")) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill(signal);
  expect(await ended).toMatchObject({ code: 0, out: expect.stringContaining("with 10 agents") });
});

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
