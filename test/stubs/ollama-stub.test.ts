/** The official client against the stub, and the wire by hand where the client hides it. */
import { gpuType, type OllamaSettings, ollamaSettings } from "@hubscale/fleet-model";
import { seededRandom, systemClock } from "@hubscale/sidecar-sim";
import { type OllamaStub, startOllamaStub } from "@hubscale/sidecar-sim/stubs";
import { type ChatResponse, type GenerateResponse, Ollama } from "ollama";
import { afterEach, describe, expect, it } from "vitest";

const MODEL = "llama3.1:8b";
const running: OllamaStub[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((stub) => stub.close()));
});

async function start({
  timeScale = 100,
  answer = 40,
  brokenOffShare = 0,
  ...settings
}: Partial<OllamaSettings> & { timeScale?: number; answer?: number; brokenOffShare?: number } = {}) {
  const gpu = gpuType("rtx4090");
  if (!gpu) throw new Error("no GPU");
  const stub = await startOllamaStub({
    port: 0,
    settings: ollamaSettings({ gpu, contextTokens: 8_192, ...settings }),
    answerTokens: { kind: "constant", value: answer },
    brokenOffShare,
    random: seededRandom(1),
    clock: systemClock,
    timeScale,
  });
  running.push(stub);
  return { stub, client: new Ollama({ host: stub.url }) };
}

const post = (stub: OllamaStub, path: string, body: unknown) =>
  fetch(`${stub.url}${path}`, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });

const user = (content: string) => ({ role: "user", content });

/** Until the stub has come to a state; the test's own time limit ends a wait in vain. */
async function until(reached: () => boolean) {
  while (!reached()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A request whose client can go at any time. */
function abortable(stub: OllamaStub, body: object) {
  const stop = new AbortController();
  const text = JSON.stringify({ model: MODEL, stream: false, ...body });
  const asked = fetch(`${stub.url}/api/generate`, { method: "POST", body: text, signal: stop.signal });
  return { asked, abort: () => stop.abort() };
}

const active = (stub: OllamaStub) => stub.loadedModels()[0]?.active ?? 0;

describe("the official client", () => {
  it("generates in one piece, with durations in nanoseconds as in life", async () => {
    const { client } = await start();
    const cold = await client.generate({ model: MODEL, prompt: "x".repeat(4_000) });
    expect(cold).toMatchObject({ model: MODEL, done: true, done_reason: "stop", eval_count: 40, prompt_eval_count: 1_000 });
    expect(cold.response).toHaveLength(160);
    expect(cold.context).toHaveLength(1_040);
    expect(cold.load_duration / 1e9).toBeCloseTo(4.92 / 2.6 + 1.5, 1);
    expect(40 / (cold.eval_duration / 1e9)).toBeCloseTo(127, -1);
    expect(cold.total_duration).toBeGreaterThanOrEqual(cold.load_duration + cold.prompt_eval_duration + cold.eval_duration);
    const warm = await client.generate({ model: MODEL, prompt: "y".repeat(4_000) });
    expect("load_duration" in warm).toBe(false);
  });

  it("streams a chat piece by piece, ends with the counts, and stops at num_predict", async () => {
    const { client } = await start({ timeScale: 20, answer: 1_000 });
    const pieces: ChatResponse[] = [];
    const arrivals = new Set<number>();
    const options = { num_predict: 400 };
    for await (const piece of await client.chat({ model: MODEL, messages: [user("hello")], stream: true, options })) {
      pieces.push(piece);
      arrivals.add(Math.round(performance.now()));
    }
    expect(pieces).toHaveLength(401);
    expect(pieces.slice(0, -1).every(({ done, message }) => !done && message.content.length === 4)).toBe(true);
    expect(pieces.at(-1)).toMatchObject({
      done: true,
      done_reason: "length",
      eval_count: 400,
      message: { role: "assistant", content: "" },
    });
    // A stream, not one write at the end: 400 tokens take 160 ms at this scale, in writes of 10 ms.
    expect(arrivals.size).toBeGreaterThan(2);
  });

  it("aborts a stream, and the slot is free for the next", async () => {
    const { client, stub } = await start({ answer: 100_000 });
    const stream = await client.generate({ model: MODEL, prompt: "a", stream: true, options: { num_predict: 40_000 } });
    const read = (async () => {
      for await (const piece of stream) if (piece.response !== "") stream.abort();
    })();
    await expect(read).rejects.toThrow(/abort/i);
    await until(() => active(stub) === 0);
    const next = await client.generate({ model: MODEL, prompt: "b", options: { num_predict: 5 } });
    expect(next.eval_count).toBe(5);
  });

  it("streams what it generates, and puts together what it would have said in one piece", async () => {
    const { client } = await start({ answer: 25 });
    const pieces: string[] = [];
    let last: GenerateResponse | undefined;
    for await (const piece of await client.generate({ model: MODEL, prompt: "a", stream: true })) {
      pieces.push(piece.response ?? "");
      last = piece;
    }
    const whole = await client.generate({ model: MODEL, prompt: "b" });
    expect(pieces.join("")).toBe(whole.response);
    expect(last).toMatchObject({ done: true, eval_count: 25, context: expect.any(Array) });
  });

  it("leaves while it waits for a slot: nobody waits any more, and the one at work goes on", async () => {
    const { stub } = await start({ answer: 100_000 });
    const first = abortable(stub, { prompt: "b", options: { num_predict: 100_000 } });
    await until(() => active(stub) === 1);
    // The official client aborts streams that have begun only; a connection that is cut is the same to the server.
    const second = abortable(stub, { prompt: "c" });
    await until(() => stub.loadedModels()[0]?.waiting === 1);
    second.abort();
    await expect(second.asked).rejects.toThrow(/abort/i);
    await until(() => stub.loadedModels()[0]?.waiting === 0);
    expect(active(stub)).toBe(1);
    first.abort();
    await expect(first.asked).rejects.toThrow(/abort/i);
  });

  it("leaves while its prompt is read: the slot stays taken until it has been read (issue #11889)", async () => {
    // 130,000 tokens at 6,899 a second: 19 s of life.
    const { client, stub } = await start({ timeScale: 10, contextTokens: 131_072 });
    await client.generate({ model: MODEL, prompt: "" });
    const leaving = abortable(stub, { prompt: "x".repeat(520_000) });
    await until(() => active(stub) === 1);
    leaving.abort();
    await expect(leaving.asked).rejects.toThrow(/abort/i);
    const next = abortable(stub, { prompt: "b", options: { num_predict: 1 } });
    await until(() => stub.loadedModels()[0]?.waiting === 1);
    expect(active(stub)).toBe(1);
    const answer = (await (await next.asked).json()) as { eval_count: number };
    expect(answer.eval_count).toBe(1);
  });

  it("gets an error in the middle of a stream as a line, and in place of an answer as a status", async () => {
    const { client } = await start({ brokenOffShare: 1 });
    const texts: string[] = [];
    const read = (async () => {
      for await (const piece of await client.generate({ model: MODEL, prompt: "a", stream: true }))
        texts.push(piece.response ?? "");
    })();
    await expect(read).rejects.toThrow("an error was encountered while running the model");
    expect(texts).toHaveLength(20);
    await expect(client.generate({ model: MODEL, prompt: "a" })).rejects.toMatchObject({ status_code: 500 });
  });

  it("lists what there is, what is loaded, and what a model is", async () => {
    const { client } = await start();
    const { models } = await client.list();
    expect(models.find(({ name }) => name === MODEL)).toMatchObject({
      size: 4.92e9,
      details: { format: "gguf", family: "llama", parameter_size: "8.0B", quantization_level: "Q4_K_M" },
    });
    expect((await client.ps()).models).toEqual([]);
    const before = Date.now();
    await client.generate({ model: MODEL, prompt: "a", keep_alive: "10m" });
    const [loaded] = (await client.ps()).models;
    expect(loaded).toMatchObject({ name: MODEL, context_length: 8_192 });
    expect(loaded?.size_vram).toBe(loaded?.size);
    // 10 minutes at 100 times the pace.
    const expiresInMs = new Date(loaded?.expires_at ?? 0).getTime() - before;
    expect(expiresInMs).toBeGreaterThan(3_000);
    expect(expiresInMs).toBeLessThan(30_000);
    const shown = await client.show({ model: MODEL });
    expect(shown).toMatchObject({ details: { family: "llama" }, capabilities: expect.arrayContaining(["completion"]) });
    expect(Object.entries(shown.model_info)).toContainEqual(["llama.context_length", 131_072]);
    expect((await client.version()).version).toMatch(/^0\.\d+\.\d+$/);
  });

  it("loads and unloads by an empty prompt", async () => {
    const { client } = await start();
    expect(await client.generate({ model: MODEL, prompt: "" })).toMatchObject({ done_reason: "load", response: "" });
    expect((await client.ps()).models).toHaveLength(1);
    expect(await client.generate({ model: MODEL, prompt: "", keep_alive: 0 })).toMatchObject({ done_reason: "unload" });
    expect((await client.ps()).models).toEqual([]);
  });

  it("is told of a model that is not there", async () => {
    const { client } = await start();
    const error = { status_code: 404, error: 'model "nope:1b" not found, try pulling it first' };
    await expect(client.chat({ model: "nope:1b", messages: [user("a")] })).rejects.toMatchObject(error);
    await expect(client.show({ model: "nope:1b" })).rejects.toMatchObject({ status_code: 404 });
  });

  it("finds its conversation's prefix in the slot", async () => {
    const { client } = await start();
    const messages = [user("a".repeat(20_000))];
    const first = await client.chat({ model: MODEL, messages });
    const second = await client.chat({ model: MODEL, messages: [...messages, first.message, user("and now?")] });
    expect(second.prompt_eval_count).toBeGreaterThan(first.prompt_eval_count);
    expect(second.prompt_eval_duration).toBeLessThan(first.prompt_eval_duration / 10);
  });
});

describe("scheduling, seen from outside", () => {
  it("NUM_PARALLEL 1 makes the second wait, in its total only; 2 serve both at once", async () => {
    const both = async (numParallel: number) => {
      const { client } = await start({ numParallel, answer: 300, timeScale: 10 });
      await client.generate({ model: MODEL, prompt: "" });
      return Promise.all(["a", "b"].map((prompt) => client.generate({ model: MODEL, prompt })));
    };
    const waits = (answers: Awaited<ReturnType<typeof both>>) =>
      answers.map(
        ({ total_duration, prompt_eval_duration, eval_duration }) =>
          (total_duration - prompt_eval_duration - eval_duration) / 1e9,
      );
    const [first = 0, second = 0] = waits(await both(1)).sort((a, b) => a - b);
    expect(first).toBeLessThan(0.5);
    expect(second).toBeGreaterThan(300 / 127.7 - 0.5);
    expect(Math.max(...waits(await both(2)))).toBeLessThan(0.5);
  });

  it("answers 503 with the real text when too many wait for a load", async () => {
    const { stub, client } = await start({ maxQueue: 1, answer: 100_000 });
    const busy = client.generate({ model: MODEL, prompt: "a", options: { num_predict: 2_000 } });
    await until(() => active(stub) === 1);
    const other = (prompt: string) => client.generate({ model: "qwen2.5-coder:32b", prompt, options: { num_predict: 1 } });
    const waiting = [other("head of the loop"), other("in the queue")];
    const error = { status_code: 503, error: "server busy, please try again.  maximum pending requests exceeded" };
    const refused = await Promise.allSettled([other("too many"), other("too many as well")]);
    expect(refused).toMatchObject([{ reason: error }, { reason: error }]);
    const done = await Promise.all([busy, ...waiting]);
    expect(done.map(({ model }) => model)).toEqual([MODEL, "qwen2.5-coder:32b", "qwen2.5-coder:32b"]);
  });

  it("lets 20 clients of one loaded model all have their answers", async () => {
    const { client, stub } = await start({ numParallel: 4, maxQueue: 1 });
    await client.generate({ model: MODEL, prompt: "" });
    const seen: number[] = [];
    const answers = Array.from({ length: 20 }, async (_, index) => {
      const answer = await client.generate({ model: MODEL, prompt: `${index}` });
      seen.push(active(stub));
      return answer;
    });
    expect((await Promise.all(answers)).every(({ eval_count }) => eval_count === 40)).toBe(true);
    expect(Math.max(...seen)).toBeLessThanOrEqual(4);
  });
});

describe("the wire", () => {
  it("is NDJSON with about 103 and 133 bytes a token beside its text", async () => {
    const { stub } = await start();
    const bytesPerToken = async (path: string, body: object) => {
      const response = await post(stub, path, { model: MODEL, ...body });
      expect(response.headers.get("content-type")).toBe("application/x-ndjson");
      const lines = (await response.text()).trimEnd().split("\n");
      expect(lines).toHaveLength(41);
      return (lines[0]?.length ?? 0) + 1 - 4;
    };
    // The counts found are of a name and a date of other lengths, so not to the byte.
    expect((await bytesPerToken("/api/generate", { prompt: "a" })) / 103).toBeCloseTo(1, 0.7);
    expect((await bytesPerToken("/api/chat", { messages: [user("a")] })) / 133).toBeCloseTo(1, 0.7);
    expect(stub.traffic()).toMatchObject({ requests: 2 });
    expect(stub.traffic().bytesOut).toBeGreaterThan(40 * (103 + 133));
  });

  it("has OpenAI's path: events that end with [DONE], or one object; its own form of errors", async () => {
    const { stub } = await start();
    const messages = [user("a")];
    const streamed = await post(stub, "/v1/chat/completions", {
      model: MODEL,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const events = (await streamed.text()).trimEnd().split("\n\n");
    expect(events.at(-1)).toBe("data: [DONE]");
    expect(JSON.parse(events.at(-2)?.slice(6) ?? "")).toMatchObject({ choices: [], usage: { completion_tokens: 40 } });
    expect(events[0]?.length).toBeCloseTo(231, -2);
    const whole = await post(stub, "/v1/chat/completions", { model: MODEL, messages, max_tokens: 3 });
    expect(await whole.json()).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { role: "assistant" }, finish_reason: "length" }],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    });
    const missing = await post(stub, "/v1/chat/completions", { model: "nope", messages });
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ error: { type: "not_found_error", param: null } });
    const listed = await fetch(`${stub.url}/v1/models`);
    expect(await listed.json()).toMatchObject({
      object: "list",
      data: expect.arrayContaining([expect.objectContaining({ id: MODEL })]),
    });
  });

  it("has OpenAI's older path for texts", async () => {
    const { stub } = await start();
    const whole = await post(stub, "/v1/completions", { model: MODEL, prompt: "x".repeat(40), max_tokens: 3 });
    expect(await whole.json()).toMatchObject({
      object: "text_completion",
      choices: [{ text: expect.stringMatching(/^(\w{3} ){3}$/), finish_reason: "length" }],
      usage: { prompt_tokens: 10, completion_tokens: 3 },
    });
    const streamed = await post(stub, "/v1/completions", { model: MODEL, prompt: "a", stream: true });
    const events = (await streamed.text()).trimEnd().split("\n\n");
    expect(JSON.parse(events[0]?.slice(6) ?? "")).toMatchObject({
      object: "text_completion",
      choices: [{ finish_reason: null }],
    });
    expect(events.at(-1)).toBe("data: [DONE]");
  });

  it("refuses what it cannot read", async () => {
    const { stub } = await start();
    expect((await post(stub, "/api/chat", "{")).status).toBe(400);
    expect((await post(stub, "/api/chat", { model: MODEL, messages: [user("a")], keep_alive: "soon" })).status).toBe(400);
    expect((await fetch(`${stub.url}/api/nothing`)).status).toBe(404);
    expect(await (await fetch(stub.url)).text()).toBe("Ollama is running");
  });
});
