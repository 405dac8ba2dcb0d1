import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type Submission, Submitter } from "./submitter.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** At a hub that answers like this. */
async function submitterAt(answer: RequestListener): Promise<Submitter> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const submitter = new Submitter({ httpUrls: [`http://127.0.0.1:${port}`], token: "t", connectionsPerNode: 1 });
  closers.push(async () => {
    server.closeAllConnections();
    await submitter.close();
  });
  return submitter;
}

const NO_STATUS = "the answer names no known status";
const always = (status: number, body: string) => submitterAt((_request, response) => void response.writeHead(status).end(body));
const submitted = (submitter: Submitter) => new Promise<Submission>((resolve) => submitter.submit("{}", resolve));

test("the id of a task is that of the answer, wherever it stands in it", async () => {
  const submitter = await always(201, ' {"note":{"task_id":"x"}, "task_id" : "task-0123456789abcdef","metadata":"ä"} ');
  expect(await submitted(submitter)).toEqual({ ok: true, taskId: "task-0123456789abcdef" });
});

test.each([
  ["without a task_id", '{"status":"queued"}', "201 without a usable task_id"],
  ["with a task_id in another object", '{"task":{"task_id":"task-1"}}', "201 without a usable task_id"],
  ["with a number", '{"task_id":5}', "201 without a usable task_id"],
  ["with null", '{"task_id":null}', "201 without a usable task_id"],
  ["with an empty id", '{"task_id":""}', "201 without a usable task_id"],
  ["with a path", '{"task_id":"../agents"}', "201 without a usable task_id"],
  ["with a line end", '{"task_id":"a\\r\\nb"}', "201 without a usable task_id"],
  ["that is a list", '["task_id"]', "201 without a usable task_id"],
  ["that is null", "null", "201 that is no JSON object"],
  ["that is cut", '{"status":"queued","task_id":"task-0123456789abcdef"', "201 that is no JSON object"],
  ["that is empty", "", "201 that is no JSON object"],
])("a 201 %s acknowledges nothing", async (_, body, error) => {
  expect(await submitted(await always(201, body))).toEqual({ ok: false, error, isProtocolFault: true });
});

test("any other status is a refusal, whatever it says", async () => {
  expect(await submitted(await always(200, '{"task_id":"task-1"}'))).toEqual({ ok: false, answer: 200 });
});

test.each([
  ["a task", 200, '{"id":"task-1","status":"completed","assigned_to":"a-0"}', { status: "completed", by: "a-0" }],
  ["a task of a hub that says little", 200, '{"status":"queued"}', { status: "queued", by: null }],
  ["another task", 200, '{"id":"task-2","status":"queued"}', { status: "unknown", why: "the answer is of another task" }],
  ["a status that there is not", 200, '{"id":"task-1","status":"on the moon"}', { status: "unknown", why: NO_STATUS }],
  ["no JSON", 200, "{", { status: "unknown", why: NO_STATUS }],
  ["null", 200, "null", { status: "unknown", why: NO_STATUS }],
  ["that there is none", 404, "", { status: "absent" }],
  ["that the token is of nobody", 401, "{}", { status: "token_refused" }],
  ["that the token is not allowed", 403, "{}", { status: "token_refused" }],
  ["that it cannot", 503, '{"status":"completed"}', { status: "unknown", why: "HTTP 503" }],
  ["that it is too much", 429, "{}", { status: "unknown", why: "HTTP 429" }],
])("a look-up is answered with %s", async (_, status, body, expected) => {
  expect(await (await always(status, body)).lookUp("task-1")).toEqual(expected);
});

test("a hub that cuts the connection, or is gone, has said nothing", async () => {
  const cut = await submitterAt((request) => void request.socket.destroy());
  expect(await cut.lookUp("task-1")).toEqual({ status: "unknown", why: "UND_ERR_SOCKET" });
  const gone = new Submitter({ httpUrls: ["http://127.0.0.1:1"], token: "t", connectionsPerNode: 1 });
  closers.push(() => gone.close());
  expect(await gone.lookUp("task-1")).toEqual({ status: "unknown", why: "ECONNREFUSED" });
});

test("a hub that never answers is not waited for", async () => {
  const submitter = await submitterAt(() => undefined);
  expect(await submitter.lookUp("task-1")).toEqual({ status: "unknown", why: "no answer" });
}, 20_000);

test("an answer without an end is given up before it fills the memory", async () => {
  const submitter = await submitterAt((_request, response) => {
    response.on("error", () => undefined);
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(2 ** 20)));
    };
    response.on("drain", more);
    more();
  });
  expect(await submitter.lookUp("task-1")).toEqual({ status: "unknown", why: "UND_ERR_RES_EXCEEDED_MAX_SIZE" });
});
