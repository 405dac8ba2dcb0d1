/** What `pnpm sim` says of hubs that lose what they acknowledged, or answer what nobody can use. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type NullHubFlaws, startNullHub } from "hubscale/load";
import { afterEach, expect, test, vi } from "vitest";
import { HubProcess, temporaryFolder } from "../hub-single/hub-process.ts";

const cli = join(dirname(dirname(createRequire(import.meta.url).resolve("hubscale/load"))), "sim-cli.js");
// Most of it is waited for: tasks that do not come, and a hub that does not answer.
vi.setConfig({ testTimeout: 120_000 });
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Sim {
  child: ChildProcess;
  ended: Promise<{ code: number | null; out: string; history: string }>;
}

function sim(hub: { ws: string; http: string }, ...flags: string[]): Sim {
  const args = ["--hub", hub.ws, "--http", hub.http, "--agents", "4", "--rate", "20", ...flags];
  const child = spawn(process.execPath, [cli, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  closers.push(() => child.kill("SIGKILL"));
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const ended = new Promise<{ code: number | null; out: string; history: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, out, history: /^history: .*$/m.exec(out)?.[0] ?? "" }));
  });
  return { child, ended };
}

const BRIEF = ["--work-ms", "0", "--duration-s", "1"];

async function nullHub(flaws: Partial<NullHubFlaws> = {}, port = 0) {
  const hub = await startNullHub({ port, flaws });
  closers.push(() => hub.close());
  return { ws: hub.wsUrl, http: hub.httpUrl, port: hub.port, close: () => hub.close() };
}

/** Undefined: the hub's own. `n` counts submissions; 0 for other requests. */
type Answer = (n: number, request: IncomingMessage, own: string) => { status: number; body: string } | undefined;

/** A hub whose HTTP answers are spoilt on their way; its WebSockets are not. Cuts off who comes while there is none. */
async function spoiltHub(answer: Answer, behind?: { http: string }) {
  const hub = behind ?? (await nullHub());
  let submissions = 0;
  const server = createServer((request, response) => void pass(request, response).catch(() => response.destroy()));
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await new Promise<string>((resolve) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString())).once("end", () => resolve(text));
    });
    const isSubmission = request.method === "POST" && request.url === "/api/tasks";
    const method = request.method ?? "GET";
    const authorization = request.headers.authorization ?? "";
    const headers = { authorization, "content-type": "application/json" };
    const own = await fetch(`${hub.http}${request.url}`, { method, headers, ...(method === "POST" && { body }) });
    const text = await own.text();
    const spoilt = answer(isSubmission ? ++submissions : 0, request, text);
    response.writeHead(spoilt?.status ?? own.status).end(spoilt?.body ?? text);
  };
  server.on("upgrade", (request, socket, head) => {
    const { port } = new URL(hub.http);
    const up = connect(Number(port), "127.0.0.1", () => {
      const headers = request.rawHeaders.flatMap((name, i) =>
        i % 2 === 0 ? [`${name}: ${request.rawHeaders[i + 1]}\r\n`] : [],
      );
      up.write(`GET /ws HTTP/1.1\r\n${headers.join("")}\r\n`);
      up.write(head);
      socket.pipe(up).pipe(socket);
    });
    for (const [one, other] of [
      [socket, up],
      [up, socket],
    ] as const) {
      one.on("error", () => undefined);
      one.once("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { ws: `ws://127.0.0.1:${port}/ws`, http: `http://127.0.0.1:${port}`, submissions: () => submissions };
}

const invented = (n: number) =>
  `{"status":"queued","task_id":"task-${String(n).padStart(16, "0")}","priority":2,"created_at":1}`;

test("an honest hub is clean, and the exit code says so", async () => {
  const { code, history } = await sim(await nullHub(), ...BRIEF).ended;
  expect(history).toMatch(/lost 0, duplicated 0, .*not ended 0, not known 0$/);
  expect(code).toBe(0);
});

test("tasks that were acknowledged and that the hub does not know are lost", async () => {
  const { code, out, history } = await sim(
    await spoiltHub((n) => (n === 3 || n === 5 ? { status: 201, body: invented(n) } : undefined)),
    ...BRIEF,
  ).ended;
  expect(history).toMatch(/lost 2, .*not ended 0/);
  expect(out).toMatch(/^NOT CLEAN: 2 acknowledged tasks are lost: 2 × the hub does not know it \(404\) \(for instance task-/m);
  expect(code).toBe(4);
});

test("a hub that hands completed tasks out again does not end with 0", async () => {
  const { code, history } = await sim(await nullHub({ repeatEvery: 5 }), ...BRIEF).ended;
  expect(history).toMatch(/duplicated [1-9]/);
  expect(code).toBe(4);
});

test("one id given to two submissions is a task too few", async () => {
  let first = "";
  const hub = await spoiltHub((n, _request, own) => {
    if (n === 1) first = own;
    return n === 4 ? { status: 201, body: first } : undefined;
  });
  const { code, out } = await sim(hub, ...BRIEF).ended;
  expect(out).toMatch(/1 acknowledged tasks are lost: 1 × another submission was given the same id/);
  expect(code).toBe(4);
});

test("a 201 that names no task is no acknowledgement, and nothing that the hub has to answer for with its tasks", async () => {
  const hub = await spoiltHub((n) => (n > 0 && n % 4 === 0 ? { status: 201, body: '{"status":"queued"}' } : undefined));
  const { code, out, history } = await sim(hub, ...BRIEF).ended;
  expect(out).toMatch(/^the hub broke the contract: \d+ × 201 without a usable task_id$/m);
  expect(out).toMatch(/not acknowledged \d+ × 201 without a usable task_id/);
  expect(history).toMatch(/lost 0, .*not known 0/);
  expect(out).not.toContain("undefined");
  expect(code).toBe(0);
});

test("a completion that was acknowledged, and that the hub calls open at the end, is lost", async () => {
  const hub = await spoiltHub((_n, { method }) =>
    method === "GET" ? { status: 200, body: '{"status":"assigned"}' } : undefined,
  );
  const { code, out } = await sim(hub, ...BRIEF).ended;
  expect(out).toMatch(/acknowledged tasks are lost: \d+ × its completion was acknowledged, and the hub says that it is open/);
  expect(code).toBe(4);
});

test("a task that is still at work at the end is not ended, and no loss", async () => {
  const { code, history } = await sim(await nullHub(), "--work-ms", "60000", "--duration-s", "1").ended;
  expect(history).toMatch(/lost 0, .*not ended [1-9]\d*, not known 0/);
  expect(code).toBe(0);
});

test("tasks that the agents of another run have done are completed", async () => {
  const folder = await temporaryFolder();
  closers.push(() => folder.remove());
  const hub = await HubProcess.ready(["--data", folder.path, "--profile", "tuned"]);
  closers.push(() => hub.kill("SIGKILL"));
  const other = sim(hub, "--rate", "0", "--work-ms", "0");
  const { code, history } = await sim(hub, ...BRIEF).ended;
  expect(history).toMatch(/lost 0, .*not known 0/);
  expect(code).toBe(0);
  other.child.kill("SIGTERM");
  expect((await other.ended).code).toBe(0);
});

const LONG_WORK = ["--work-ms", "600000"];
/** So many are acknowledged when the hub goes. */
const SUBMITTED = 10;

test("a hub that comes back on an empty store has lost what it acknowledged: it knows neither tasks nor tokens", async () => {
  const folder = await temporaryFolder();
  closers.push(() => folder.remove());
  const flags = (data: string) => ["--data", join(folder.path, data), "--profile", "tuned"];
  const first = await HubProcess.ready(flags("first"));
  closers.push(() => first.kill("SIGKILL"));
  const line = await spoiltHub(() => undefined, first);
  const running = sim(line, ...LONG_WORK);
  await until(() => line.submissions() > SUBMITTED);
  await first.kill("SIGKILL");
  const second = await HubProcess.ready([...flags("second"), "--port", new URL(first.http).port]);
  closers.push(() => second.kill("SIGKILL"));
  running.child.kill("SIGINT");
  const { code, out, history } = await running.ended;
  expect(history).toMatch(/lost [1-9]\d*, .*not ended 0, not known 0/);
  expect(out).toMatch(/lost: \d+ × the hub does not know its submitter \(token refused\)/);
  expect(code).toBe(4);
});

test("a hub that has forgotten its tasks and takes everybody's token has lost them all the same", async () => {
  const first = await nullHub();
  const line = await spoiltHub(() => undefined, first);
  const running = sim(line, ...LONG_WORK);
  await until(() => line.submissions() > SUBMITTED);
  await first.close();
  await nullHub({}, first.port);
  running.child.kill("SIGINT");
  const { code, out } = await running.ended;
  expect(out).toMatch(/acknowledged tasks are lost: \d+ × the hub does not know it \(404\)/);
  expect(code).toBe(4);
});

test("a hub that is gone at the end cannot be asked: not known, and not clean", async () => {
  const hub = await nullHub();
  const line = await spoiltHub(() => undefined, hub);
  const running = sim(line, ...LONG_WORK);
  await until(() => line.submissions() > SUBMITTED);
  await hub.close();
  running.child.kill("SIGINT");
  const { code, out, history } = await running.ended;
  expect(history).toMatch(/lost 0, .*not ended 0, not known [1-9]/);
  expect(out).toMatch(/acknowledged tasks may be lost, since the hub could not be asked: \d+ × \w+/);
  expect(code).toBe(4);
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}
