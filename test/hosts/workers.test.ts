/** `bench worker` on machines that are network namespaces of this test's own; elsewhere it says so and is content. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CompareResult } from "hubscale";
import { freePort } from "hubscale/provisioning";
import { afterAll, describe, expect, test } from "vitest";
import { processesMentioning, runBench, startBench } from "../compare/bench-program.ts";
import { makeNamespaces, type Worker } from "./namespaces.ts";

const dir = mkdtempSync(join(tmpdir(), "hosts-test-"));
const made = makeNamespaces(2);
const workers: Worker[] = [];
if ("obstacle" in made) process.stderr.write(`hosts: no comparison over several machines was tried: ${made.obstacle}\n`);

afterAll(async () => {
  for (const { child } of workers) child.kill("SIGTERM");
  await Promise.all(workers.map(({ ended }) => ended));
  if (!("obstacle" in made)) made.remove();
  rmSync(dir, { recursive: true });
});

const TOKEN = "a-token-of-this-test";
writeFileSync(join(dir, "token"), `${TOKEN}\n`);

function folder(name: string): string {
  mkdirSync(join(dir, name), { recursive: true });
  return join(dir, name);
}

async function until(holds: () => boolean, what: () => string): Promise<void> {
  const limitMs = Date.now() + 40_000;
  while (!holds()) {
    if (Date.now() > limitMs) {
      throw new Error([`this did not come: ${what()}`, ...workers.map(({ said }) => said())].join("\n"));
    }
    await sleep(50);
  }
}

/** One that runs a worker has the worker and its watchdog, nothing else. */
async function expectIdle(name: string): Promise<void> {
  const processes = () => processesMentioning(folder(name));
  const folders = () => readdirSync(folder(name)).filter((file) => !file.startsWith("hubscale-measure-"));
  await until(
    () => processes().length === 2 && folders().length === 0,
    () => `an idle worker ${name}, but it has the processes ${processes().join(" ")} and the folders ${folders().join(" ")}`,
  );
}

/** Speaks the client's protocol by hand: a worker of a version that we do not have here. */
async function joinByHand(host: string, port: number, join: object): Promise<{ ok: boolean; problem: string }> {
  const socket = connect(port, host);
  const body = JSON.stringify(join);
  const login = JSON.stringify({ verbose: false, user: "hubscale", pass: TOKEN });
  socket.write(`CONNECT ${login}\r\nSUB answer 1\r\nPUB hubscale.join answer ${body.length}\r\n${body}\r\n`);
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    const answer = /MSG answer 1 \d+\r\n(.*)\r\n/.exec(text)?.[1];
    if (answer !== undefined) return JSON.parse(answer);
  }
  throw new Error(`no answer: ${text}`);
}

describe.skipIf("obstacle" in made)("bench worker on machines of its own", async () => {
  const { here = "", machines = [] } = "obstacle" in made ? {} : made;
  const names = ["hub-1", "hub-2"];
  const port = await freePort();
  const token = ["--token-file", join(dir, "token")];
  const address = ["--join", `nats://${here}:${port}`];
  const hostsFile = (more: string) => {
    const file = join(dir, "hosts.yaml");
    const coordinator = `coordinator: { address: ${here}, port: ${port}, token_file: token }`;
    writeFileSync(file, [coordinator, "hub: [hub-1, hub-2]", more].join("\n"));
    return file;
  };
  const startWorker = (i: number, name: string) => {
    const worker = machines[i]?.start(["worker", ...address, ...token, "--name", name], { TMPDIR: folder(name) }) as Worker;
    workers.push(worker);
    return worker;
  };

  test("a comparison runs on two machines: nodes there, Redis and load here, and nothing is left on any", async () => {
    const out = join(dir, "out");
    const tmp = folder("coordinator");
    const hosts = hostsFile("wait_s: 60");
    const compare = startBench(["compare", "--effort", "smoke", "--hubs", "sharded-redis@2", "--hosts", hosts, "--out", out], {
      TMPDIR: tmp,
    });
    const first = startWorker(0, "hub-1");
    await until(() => first.said().includes("joined the run"), first.said);

    const other = await joinByHand(here, port, { name: "hub-2", version: "0.0.1", address: here });
    expect(other).toMatchObject({
      ok: false,
      problem: expect.stringMatching(/hubscale 0\.0\.1, the coordinator \d.*same code/),
    });
    const stranger = startWorker(1, "stranger");
    expect(await stranger.ended).toBe(1);
    expect(stranger.said()).toMatch(/refused by the coordinator: the hosts file names hub-1, hub-2/);
    const nobody = machines[1]?.start(["worker", ...address], { TMPDIR: folder("nobody") }) as Worker;
    expect(await nobody.ended).toBe(1);
    expect(nobody.said()).toMatch(/give its token with --token-file/);

    startWorker(1, "hub-2");
    const { code, stderr } = await compare.finished;
    const result = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as CompareResult;
    // A busy machine spoils trials; then the run must say so.
    const reasons = result.hubs.flatMap((hub) => hub.invalidReasons);
    expect(reasons.length === 0 ? [0, 3] : [4], stderr).toContain(code);
    expect(result.environment["hosts"]).toMatchObject(
      names.map((name, i) => ({ name, address: machines[i]?.address, takes: ["hub"] })),
    );
    for (const hub of result.hubs) {
      expect(hub.durability, hub.id).toMatchObject({ required: "fsync", verified: "fsync" });
      expect(hub.history, hub.id).toMatchObject({ lost: 0, duplicated: 0, staleAccepted: 0 });
      expect(hub.history.completed).toBeGreaterThan(0);
      expect(hub.perTask["hub"]?.cpuMs?.value, hub.id).toBeGreaterThan(0);
    }
    expect(result.hubs[0]?.perTask["redis"]?.cpuMs?.value).toBeGreaterThan(0);
    expect(readFileSync(join(out, "report.md"), "utf8")).toContain("hub nodes dealt round hub-1, hub-2");
    const everything = readFileSync(join(out, "results.json"), "utf8") + readFileSync(join(out, "points", "run.json"), "utf8");
    expect(everything).not.toContain(TOKEN);
    expect(everything).not.toMatch(/requirepass/);
    await until(
      () => processesMentioning(tmp).length === 0,
      () => "no process of the coordinator",
    );
    expect(readdirSync(tmp)).toEqual([]);
    for (const name of names) await expectIdle(name);
  }, 150_000);

  test("a worker that is killed in the middle ends the run with its name, and nothing is left", async () => {
    const tmp = folder("coordinator");
    const args = [
      "run",
      "--hub",
      "sharded-redis@2",
      "--rate",
      "30",
      "--seconds",
      "2",
      "--repeats",
      "20",
      "--hosts",
      hostsFile("load: hub-1"),
    ];
    const run = startBench(args, { TMPDIR: tmp });
    let said = "";
    run.child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(
      () => said.includes("30 tasks/s"),
      () => said,
    );
    // The load runs where the file says.
    expect(workers[0]?.said()).toContain("started a load generator");
    workers.at(-1)?.child.kill("SIGKILL");
    const { code, stderr } = await run.finished;
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/hubscale: worker hub-2 \(.*\) is gone: it has ended, or its machine or the network has failed/);
    await until(
      () => processesMentioning(tmp).length === 0,
      () => "no process of the coordinator",
    );
    expect(readdirSync(tmp)).toEqual([]);
    await expectIdle("hub-1");
    await until(
      () => processesMentioning(folder("hub-2")).length === 0,
      () => "no process of the killed worker",
    );
  }, 120_000);

  test("a coordinator that is killed: the worker ends what it has started, and SIGTERM ends the worker", async () => {
    const hosts = join(dir, "one.yaml");
    writeFileSync(hosts, `coordinator: { address: ${here}, port: ${port}, token_file: token }\nhub: [hub-1]\n`);
    const run = startBench(["run", "--hub", "null", "--rate", "30", "--seconds", "2", "--repeats", "20", "--hosts", hosts], {
      TMPDIR: folder("killed"),
    });
    let said = "";
    run.child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(
      () => said.includes("30 tasks/s"),
      () => said,
    );
    expect(processesMentioning(folder("hub-1")).length).toBeGreaterThan(2);
    run.child.kill("SIGKILL");
    await expectIdle("hub-1");
    const [worker] = workers;
    worker?.child.kill("SIGTERM");
    expect(await worker?.ended).toBe(0);
    expect(readdirSync(folder("hub-1"))).toEqual([]);
  }, 60_000);
});

test("a hosts file with a mistake starts nothing", async () => {
  const hosts = join(dir, "wrong.yaml");
  writeFileSync(hosts, "hub: [a]\nbackbones: a\n");
  const { code, stderr } = await runBench(["compare", "--hosts", hosts]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/wrong\.yaml:2: backbones: unknown field/);
});
