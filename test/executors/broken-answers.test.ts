/** Servers that answer wrongly, break off or say nothing: the task fails in words, or is tried again as the official SDK does, and nothing else happens. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readWorkMix } from "@hubscale/fleet-model";
import { type ProgressEvent, systemClock, type TaskResult } from "@hubscale/sidecar-sim";
import { CountedClient, PlannedExecutor, ScaledTime, SimulatedHost } from "@hubscale/sidecar-sim/executors";
import { afterEach, describe, expect, it } from "vitest";

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Handler = (response: ServerResponse, nth: number, request: IncomingMessage) => void;

async function serve(handler: Handler) {
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => handler(response, ++requests, request));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, requests: () => requests };
}

const event = (value: { type: string }) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const START = event({ type: "message_start", message: { usage: { input_tokens: 10 } } } as { type: string });
const delta = (text: string) => event({ type: "content_block_delta", delta: { type: "text_delta", text } } as { type: string });
const usage = (tokens: string) =>
  `event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":${tokens}}}\n\n`;
const STOP = usage("5") + event({ type: "message_stop" });
const GOOD = START + delta("wörd €😀") + STOP;

const stream = (response: ServerResponse, type = "text/event-stream") => response.writeHead(200, { "content-type": type });
const refuse = (response: ServerResponse, status: number, headers: Record<string, string> = {}) =>
  response.writeHead(status, headers).end('{"type":"error","error":{"type":"some_error","message":"said so"}}');

/** A task of one request. */
function mixOf() {
  const one = { share: 1, tool_s: 0, output_tokens: 5 };
  const read = readWorkMix({
    standard: { ...one, rounds: 1, prompt_tokens: 100 },
    complex: { ...one, steps: 1, context_tokens: 20_000 },
  });
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value;
}

async function runTask(tier: "standard" | "complex", port: number, timeScale = 100) {
  const time = new ScaledTime(systemClock, timeScale);
  const executor = new PlannedExecutor({
    mix: mixOf(),
    seed: 1,
    host: new SimulatedHost({ name: "box", cores: 2, ramBytes: 8e9, agents: 1, gpu: undefined }, time),
    time,
    claudeUrl: `http://127.0.0.1:${port}`,
    claudeModel: "m",
    apiKey: "k",
    ollamaModel: "o",
    contextTokens: 16_384,
  });
  closing.push(() => executor.close());
  const progress: ProgressEvent[] = [];
  const decision = { effective_tier: tier, selected_endpoint: `127.0.0.1:${port}`, selected_model: null };
  const task = {
    taskId: "t",
    generation: 1,
    assignment: { metadata: { task_number: 1 }, routing_decision: decision as never },
  };
  const work = {
    signal: new AbortController().signal,
    onAbort: () => undefined,
    onProgress: (each: ProgressEvent) => progress.push(each),
  };
  const result: TaskResult = await executor.run(task, work);
  const text = progress.map((each) => (each.type === "token" ? each.text : "")).join("");
  return { result, text };
}

const complete = { outcome: "complete", error: null };
const failed = (error: string | RegExp) => ({ outcome: "failed", error: expect.stringMatching(error) as unknown });

describe("a stream of the Messages API", () => {
  it.each<[string, string]>([
    ["with CRLF", GOOD.replaceAll("\n", "\r\n")],
    ["with CR alone", GOOD.replaceAll("\n", "\r")],
    ["without a blank after data:", GOOD.replaceAll("data: ", "data:")],
    ["that begins with a byte order mark", `\uFEFF${GOOD}`],
    [
      "with comments, ids, retries and unknown fields",
      `: hello\nretry: soon\nid: 7\nfoo: bar\n\n${GOOD.replaceAll("event", ": ping\nevent")}`,
    ],
    ["without event names", GOOD.replaceAll(/event: \w+\n/g, "")],
    ["with empty data", `data: \n\ndata\n\nevent: ping\ndata:\n\n${GOOD}`],
    ["with data on several lines", GOOD.replaceAll(',"', ',\ndata: "')],
    ["with a ping that is no JSON", `event: ping\ndata: .\n\n${GOOD}`],
    ["with events of unknown types", `${event({ type: "vendor_event" })}${GOOD}`],
  ])("%s is read", async (_what, text) => {
    const api = await serve((response) => stream(response).end(text));
    const { result, text: told } = await runTask("complex", api.port);
    expect(result).toMatchObject({ ...complete, tokensIn: 10, tokensOut: 5 });
    expect(told).toBe("wörd €😀");
  });

  it("cut into pieces of three bytes is read", async () => {
    const bytes = Buffer.from(GOOD);
    const api = await serve((response) => {
      stream(response);
      let at = 0;
      const next = () => {
        response.write(bytes.subarray(at, (at += 3)));
        if (at < bytes.length) setImmediate(next);
        else response.end();
      };
      next();
    });
    const { result, text } = await runTask("complex", api.port);
    expect(result).toMatchObject(complete);
    expect(text).toBe("wörd €😀");
  });

  it.each<[string, string, string]>([
    [
      "ends in the middle of a line",
      START + delta("word") + delta("word").slice(0, 60),
      "ended its answer before it was done$",
    ],
    ["ends after a line", START + delta("word"), "ended its answer before it was done$"],
    ["ends with [DONE]", `${START}${usage("5")}data: [DONE]\n\n`, "ended its answer before it was done$"],
    ["is empty", "", "ended its answer before it was done$"],
    ["has data that is no JSON", `${START}data: {"type":\n\n${STOP}`, "sent an event that is no JSON object"],
    ["has a number for an event", `${START}data: 7\n\n${STOP}`, "sent an event that is no JSON object: 7"],
    ["has null for an event", `${START}data: null\n\n${STOP}`, "sent an event that is no JSON object: null"],
    [
      "has an error",
      `${START}event: error\ndata: {"type":"error","error":{"message":"Overloaded"}}\n\n`,
      "broke off: Overloaded$",
    ],
    ["has an error without JSON", `${START}event: error\ndata: oops\n\n`, "broke off: oops$"],
    ["has a line without an end", `data: ${"x".repeat(3 * 2 ** 20)}`, "broke off: more than 1048576 characters in one event"],
    ["has an event without an end", "data: x\n".repeat(2 ** 20), "broke off: more than 1048576 characters in one event"],
    ["has an endless answer", START + delta("x".repeat(1_000_000)).repeat(9), "answered with more than 8388608 characters"],
  ])("that %s fails the task", async (_what, text, error) => {
    const api = await serve((response) => stream(response).end(text));
    const { result } = await runTask("complex", api.port);
    expect(result).toMatchObject(failed(`^the Claude API ${error}`));
    expect(api.requests()).toBe(1);
  });

  it("that is no stream is told with its content type", async () => {
    const api = await serve((response) => stream(response, "text/html").end("<html>sign in</html>"));
    const { result } = await runTask("complex", api.port);
    expect(result).toMatchObject(failed("ended its answer before it was done \\(content-type: text/html\\)$"));
  });

  it("that is reset in the middle fails the task and is not asked for again", async () => {
    const api = await serve((response) => {
      stream(response).write(START + delta("word"), () => response.socket?.resetAndDestroy());
    });
    const { result } = await runTask("complex", api.port);
    expect(result).toMatchObject(failed("^the Claude API broke off: "));
    expect(api.requests()).toBe(1);
  });

  it.each(["1e999", "-3", '"many"', "null", "1e12"])("whose tokens are %s counts none", async (tokens) => {
    const api = await serve((response) => stream(response).end(GOOD.replace("5}", `${tokens}}`)));
    const { result } = await runTask("complex", api.port);
    expect(result).toMatchObject({ ...complete, tokensOut: 0 });
  });
});

describe("a request to the Messages API is tried again", () => {
  it("twice when the connection is reset before the answer, and then fails", async () => {
    const once = await serve((response, nth) => (nth === 1 ? response.socket?.resetAndDestroy() : stream(response).end(GOOD)));
    expect((await runTask("complex", once.port)).result).toMatchObject(complete);
    expect(once.requests()).toBe(2);
    const always = await serve((response) => response.socket?.destroy());
    expect((await runTask("complex", always.port)).result).toMatchObject(
      failed("^the Claude API cannot be reached: UND_ERR_SOCKET"),
    );
    expect(always.requests()).toBe(3);
  });

  it("when the head is no HTTP", async () => {
    const api = await serve((response, nth) =>
      nth < 3 ? response.socket?.end("nonsense\r\n\r\n") : stream(response).end(GOOD),
    );
    expect((await runTask("complex", api.port)).result).toMatchObject(complete);
    expect(api.requests()).toBe(3);
  });

  it.each<[number, number, Record<string, string>]>([
    [408, 3, {}],
    [409, 3, {}],
    [429, 3, {}],
    [500, 3, {}],
    [529, 3, {}],
    [400, 1, {}],
    [404, 1, {}],
    [400, 3, { "x-should-retry": "true" }],
    [429, 1, { "x-should-retry": "false" }],
    [529, 1, { "x-should-retry": "false" }],
    [429, 3, { "x-should-retry": "perhaps" }],
    // Above a minute, past, or unreadable: the usual wait.
    [429, 3, { "retry-after": "3600" }],
    [429, 3, { "retry-after": "-5" }],
    [429, 3, { "retry-after": "Infinity" }],
    [429, 3, { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }],
    [429, 3, { "retry-after": "tomorrow" }],
    [429, 3, { "retry-after-ms": "3000000000" }],
  ])("after %d, in all %d times, with %j", async (status, requests, headers) => {
    const api = await serve((response) => refuse(response, status, headers));
    const { result } = await runTask("complex", api.port);
    expect(result).toMatchObject(failed(`^the Claude API answered ${status}: said so$`));
    expect(api.requests()).toBe(requests);
  });

  it.each<[string, number, () => Record<string, string>]>([
    ["milliseconds", 300, () => ({ "retry-after-ms": "300", "retry-after": "9" })],
    ["seconds", 500, () => ({ "retry-after": "0.5" })],
    ["a date", 1_000, () => ({ "retry-after": new Date(Date.now() + 2_000).toUTCString() })],
  ])("as late as the service asks in %s", async (_how, ms, headers) => {
    const atMs: number[] = [];
    const api = await serve((response, nth) => {
      atMs.push(performance.now());
      if (nth === 1) refuse(response, 429, headers());
      else stream(response).end(GOOD);
    });
    // The usual wait would be 50 ms at most.
    expect((await runTask("complex", api.port, 10)).result).toMatchObject(complete);
    expect((atMs[1] ?? 0) - (atMs[0] ?? 0)).toBeGreaterThan(ms - 5);
  });

  it("with an error's body that is no JSON, is cut, or never ends, the status is told", async () => {
    const html = await serve((response) => response.writeHead(400).end("<html>oops"));
    expect((await runTask("complex", html.port)).result).toMatchObject(failed("answered 400: <html>oops$"));
    const endless = await serve((response) => response.writeHead(400).write("x".repeat(300_000)));
    expect((await runTask("complex", endless.port)).result).toMatchObject(failed(/answered 400: x{300}$/));
    const cut = await serve((response) => {
      response.writeHead(400, { "content-length": "50" }).write("half", () => response.socket?.destroy());
    });
    expect((await runTask("complex", cut.port)).result).toMatchObject(failed("answered 400"));
  });
});

describe("an answer of Ollama", () => {
  const line = (content: string) => `${JSON.stringify({ message: { content } })}\n`;
  const DONE = '{"done":true,"prompt_eval_count":7,"eval_count":5}\n';

  it.each<[string, string]>([
    ["with LF", line("wörd €😀") + DONE],
    ["with CRLF and empty lines", `\r\n${line("wörd €😀").replace("\n", "\r\n\r\n")}${DONE}`],
    ["with a byte order mark and no last end of line", `\uFEFF${line("wörd €😀")}${DONE.trim()}`],
    ["with fields of other types", `{"message":7}\n{"message":{"content":7}}\n{"error":null}\n${line("wörd €😀")}${DONE}`],
  ])("%s is read", async (_what, text) => {
    const endpoint = await serve((response) => response.writeHead(200).end(text));
    const { result, text: told } = await runTask("standard", endpoint.port);
    expect(result).toMatchObject({ ...complete, tokensIn: 7, tokensOut: 5 });
    expect(told).toBe("wörd €😀");
  });

  it.each<[string, string, string]>([
    ["ends early", line("word"), "ended its answer before it was done$"],
    ["is cut in a line", line("word") + line("word").slice(0, 9), "sent a line that is no JSON object: "],
    ["has a number for a line", "7\n", "sent a line that is no JSON object: 7"],
    ["has null for a line", "null\n", "sent a line that is no JSON object: null"],
    ["is a page", "<html>\n", "sent a line that is no JSON object: <html>"],
    ["has an error", `${line("word")}{"error":"out of memory"}\n`, "broke off: out of memory$"],
    ["has an error that is no text", `{"error":{"code":7}}\n`, 'broke off: {"error":{"code":7}}$'],
    ["has a line without an end", "x".repeat(3 * 2 ** 20), "broke off: more than 1048576 characters in one line"],
  ])("that %s fails the task", async (_what, text, error) => {
    const endpoint = await serve((response) => response.writeHead(200).end(text));
    const { result } = await runTask("standard", endpoint.port);
    expect(result).toMatchObject(failed(`^the Ollama endpoint ${error}`));
  });

  it("that is reset before or in the middle fails the task", async () => {
    const before = await serve((response) => response.socket?.resetAndDestroy());
    expect((await runTask("standard", before.port)).result).toMatchObject(failed("^the Ollama endpoint cannot be reached: "));
    const amid = await serve((response) => {
      response.writeHead(200).write(line("word"), () => response.socket?.resetAndDestroy());
    });
    expect((await runTask("standard", amid.port)).result).toMatchObject(failed("^the Ollama endpoint broke off: "));
  });
});

describe("every wait for an answer has a bound", () => {
  const LONG_MS = 60_000;
  const ask = async (port: number, bounds: { headMs?: number; silentMs?: number; wholeMs?: number }) => {
    const time = new ScaledTime(systemClock, 1);
    const all = { headMs: LONG_MS, silentMs: LONG_MS, wholeMs: LONG_MS, ...bounds };
    const client = new CountedClient(`http://127.0.0.1:${port}`, { time, bounds: all });
    closing.push(() => client.close());
    const { signal } = new AbortController();
    return client.ask({ path: "/", body: "{}", signal }, (answer) => answer.body.text());
  };

  it("for its head", async () => {
    const silent = await serve(() => undefined);
    await expect(ask(silent.port, { headMs: 300 })).rejects.toThrow("no answer within 0.3 s");
  });

  it("for the next piece", async () => {
    const stalled = await serve((response) => response.writeHead(200).write("a piece"));
    await expect(ask(stalled.port, { silentMs: 300 })).rejects.toThrow("nothing came for 0.3 s");
  });

  it("for its end, though pieces come", async () => {
    const dripping = await serve((response) => {
      const drip = setInterval(() => response.write(": ping\n"), 20);
      response.on("close", () => clearInterval(drip)).writeHead(200);
    });
    await expect(ask(dripping.port, { wholeMs: 300 })).rejects.toThrow("it took longer than 0.3 s");
  });

  it("for an error's body", async () => {
    const stalled = await serve((response) => response.writeHead(500).write("half a"));
    await expect(ask(stalled.port, {})).rejects.toThrow(/abort/i);
  });
});
