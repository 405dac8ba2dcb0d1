/** The official SDK against the stub, its retries included, and the wire by hand where the SDK hides it. */
import Anthropic, { APIError, APIUserAbortError, BadRequestError, NotFoundError, RateLimitError } from "@anthropic-ai/sdk";
import { CLAUDE_TIERS } from "@hubscale/fleet-model";
import { seededRandom, systemClock } from "@hubscale/sidecar-sim";
import { type ClaudeStub, type ClaudeStubOptions, startClaudeStub } from "@hubscale/sidecar-sim/stubs";
import { afterEach, describe, expect, it } from "vitest";

const MODEL = "claude-sonnet-5";
const running: ClaudeStub[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((stub) => stub.close()));
});

const tierOf = (name: string) => {
  const tier = CLAUDE_TIERS[name];
  if (!tier) throw new Error(`no tier ${name}`);
  return tier;
};

async function start({ maxRetries = 0, ...options }: Partial<ClaudeStubOptions> & { maxRetries?: number } = {}) {
  const stub = await startClaudeStub({
    port: 0,
    tier: tierOf("tier-4"),
    answerTokens: { kind: "constant", value: 60 },
    overloadedShare: 0,
    brokenOffShare: 0,
    tokensPerEvent: 1,
    random: seededRandom(1),
    clock: systemClock,
    timeScale: 50,
    ...options,
  });
  running.push(stub);
  return { stub, client: new Anthropic({ apiKey: "stub", baseURL: stub.url, maxRetries }) };
}

const ask = (content: string, more: { max_tokens?: number } = {}) => ({
  model: MODEL,
  max_tokens: 200,
  messages: [{ role: "user" as const, content }],
  ...more,
});

const caught = async (promise: Promise<unknown>) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
};

describe("the official SDK", () => {
  it("gets a message in one piece", async () => {
    const { client } = await start();
    const message = await client.messages.create(ask("x".repeat(400)));
    expect(message).toMatchObject({
      type: "message",
      role: "assistant",
      model: MODEL,
      stop_reason: "end_turn",
      usage: { input_tokens: 100, output_tokens: 60, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    });
    expect(message.content).toMatchObject([{ type: "text", text: expect.stringMatching(/^(\w{3} ){60}$/) }]);
    expect(message._request_id).toMatch(/^req_/);
  });

  it("streams events in their order and puts them together again", async () => {
    const { client } = await start();
    const types: string[] = [];
    const stream = client.messages.stream(ask("a", { max_tokens: 20 })).on("streamEvent", ({ type }) => types.push(type));
    const message = await stream.finalMessage();
    expect(message).toMatchObject({ stop_reason: "max_tokens", usage: { output_tokens: 20 } });
    const deltas = Array.from({ length: 20 }, () => "content_block_delta");
    expect(types).toEqual([
      "message_start",
      "content_block_start",
      ...deltas,
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
  });

  it("aborts a stream; what was not used of the output limit is given back", async () => {
    const { client, stub } = await start({ answerTokens: { kind: "constant", value: 5_000 }, timeScale: 10 });
    const stream = client.messages.stream(ask("a", { max_tokens: 100_000 }));
    stream.on("text", () => stream.abort());
    expect(await caught(stream.finalMessage())).toBeInstanceOf(APIUserAbortError);
    while (stub.counts().abandoned === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const { response } = await client.messages.create(ask("b")).withResponse();
    expect(Number(response.headers.get("anthropic-ratelimit-output-tokens-remaining"))).toBeGreaterThan(390_000);
  });

  it("reads a stream event by event", async () => {
    const { client } = await start();
    let text = "";
    let stopReason: string | null = null;
    for await (const event of await client.messages.create({ ...ask("a", { max_tokens: 12 }), stream: true })) {
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") text += event.delta.text;
      if (event.type === "message_delta") stopReason = event.delta.stop_reason;
    }
    expect(text).toMatch(/^(\w{3} ){12}$/);
    expect(stopReason).toBe("max_tokens");
  });

  it("leaves before the first token: nothing stays charged", async () => {
    const { client, stub } = await start({ timeScale: 1 });
    const stop = new AbortController();
    const asked = client.messages.create({ ...ask("a", { max_tokens: 100_000 }), stream: true }, { signal: stop.signal });
    while (stub.traffic().requests === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    stop.abort();
    expect(await caught(asked)).toBeInstanceOf(APIUserAbortError);
    while (stub.counts().abandoned === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const { response } = await client.messages.create(ask("b", { max_tokens: 1 })).withResponse();
    expect(Number(response.headers.get("anthropic-ratelimit-output-tokens-remaining"))).toBeGreaterThan(390_000);
  });

  it("retries twice by default, streams too, and then gives up", async () => {
    const { stub } = await start({ overloadedShare: 1 });
    const client = new Anthropic({ apiKey: "stub", baseURL: stub.url });
    const error = await caught(client.messages.stream(ask("a")).finalMessage());
    expect(error).toMatchObject({ status: 529 });
    expect(stub.counts().overloaded).toBe(3);
  });

  it("gets as long an answer as a planning client names", async () => {
    const { client } = await start();
    const options = { headers: { "x-stub-answer-tokens": "7" } };
    expect((await client.messages.create(ask("a"), options)).usage.output_tokens).toBe(7);
    const nonsense = { headers: { "x-stub-answer-tokens": "many" } };
    expect((await client.messages.create(ask("a"), nonsense)).usage.output_tokens).toBe(60);
  });

  it("waits as retry-after says and then succeeds", async () => {
    const limits = { requestsPerMin: 60, inputTokensPerMin: 1e6, outputTokensPerMin: 1e6 };
    const { client, stub } = await start({
      tier: { "sonnet-opus": limits, haiku: limits },
      timeScale: 1,
      maxRetries: 5,
      answerTokens: { kind: "constant", value: 1 },
    });
    const fast = { ...ask("a"), model: "claude-opus-4-7" };
    const requests = Array.from({ length: 62 }, () => client.messages.create(fast));
    expect(await Promise.all(requests)).toHaveLength(62);
    expect(stub.counts().answered).toBe(62);
    expect(stub.counts().rateLimited).toBeGreaterThan(0);
  });

  it("is told the limit, the headers and when to come back when it does not retry", async () => {
    const { client } = await start({ tier: tierOf("tier-1"), timeScale: 1 });
    const error = await caught(client.messages.create(ask("x".repeat(4 * 30_001))));
    expect(error).toBeInstanceOf(RateLimitError);
    const { status, error: body, headers } = error as RateLimitError;
    expect(status).toBe(429);
    expect(body).toMatchObject({
      type: "error",
      error: { type: "rate_limit_error", message: expect.stringContaining("30,000 input tokens per minute") },
    });
    expect(Number(headers.get("retry-after"))).toBe(60);
    expect(headers.get("anthropic-ratelimit-input-tokens-limit")).toBe("30000");
    expect(headers.get("anthropic-ratelimit-tokens-limit")).toBe("38000");
    expect(headers.get("anthropic-ratelimit-requests-remaining")).toBe("50");
    expect(headers.get("anthropic-ratelimit-requests-reset")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it("retries through overload", async () => {
    const draws = [0.1, 0.1];
    const { client, stub } = await start({ overloadedShare: 0.2, random: () => draws.shift() ?? 0.9, maxRetries: 2 });
    expect(await client.messages.create(ask("a"))).toMatchObject({ stop_reason: "end_turn" });
    expect(stub.counts()).toMatchObject({ overloaded: 2, answered: 1 });
    const alone = await start({ overloadedShare: 1 });
    expect(await caught(alone.client.messages.create(ask("a")))).toMatchObject({
      status: 529,
      error: { error: { type: "overloaded_error" } },
    });
  });

  it("gets an error that comes after the 200 as an event", async () => {
    const { client, stub } = await start({ brokenOffShare: 1 });
    const texts: string[] = [];
    const error = await caught(
      client.messages
        .stream(ask("a"))
        .on("text", (text) => texts.push(text))
        .finalMessage(),
    );
    expect(error).toBeInstanceOf(APIError);
    expect(String(error)).toContain("overloaded_error");
    expect(texts).toHaveLength(30);
    expect(stub.counts()).toMatchObject({ brokenOff: 1, answered: 0 });
  });

  it("reads from the cache what it marked before", async () => {
    const { client } = await start();
    const system = [{ type: "text" as const, text: "s".repeat(64_000), cache_control: { type: "ephemeral" as const } }];
    const usage = async (content: string) => (await client.messages.create({ ...ask(content), system })).usage;
    expect(await usage("a")).toMatchObject({
      cache_creation_input_tokens: 16_000,
      cache_read_input_tokens: 0,
      input_tokens: 1,
      cache_creation: { ephemeral_5m_input_tokens: 16_000, ephemeral_1h_input_tokens: 0 },
    });
    expect(await usage("b")).toMatchObject({
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 16_000,
      input_tokens: 1,
    });
  });

  it("follows a conversation whose mark moves on", async () => {
    const { client } = await start();
    const turn = (role: "user" | "assistant", chars: number, marked = false) => ({
      role,
      content: [
        {
          type: "text" as const,
          text: role[0]?.repeat(chars) ?? "",
          ...(marked && { cache_control: { type: "ephemeral" as const } }),
        },
      ],
    });
    const usage = async (messages: ReturnType<typeof turn>[]) => (await client.messages.create({ ...ask(""), messages })).usage;
    await usage([turn("user", 8_000, true)]);
    const second = await usage([turn("user", 8_000), turn("assistant", 400), turn("user", 4_000, true)]);
    expect(second).toMatchObject({ cache_read_input_tokens: 2_000, cache_creation_input_tokens: 1_100, input_tokens: 0 });
  });

  it("counts tokens and lists models", async () => {
    const { client } = await start();
    const { messages } = ask("x".repeat(400));
    expect(await client.messages.countTokens({ model: MODEL, messages })).toEqual({ input_tokens: 100 });
    expect((await client.models.list()).data.map(({ id }) => id)).toContain(MODEL);
  });

  it("is refused what is wrong", async () => {
    const { client, stub } = await start();
    expect(await caught(client.messages.create({ ...ask("a"), model: "gpt-2" }))).toBeInstanceOf(NotFoundError);
    expect(await caught(client.messages.create({ ...ask("a"), max_tokens: 0 }))).toBeInstanceOf(BadRequestError);
    expect(await caught(client.messages.create({ ...ask("a"), messages: [] }))).toBeInstanceOf(BadRequestError);
    const keyless = await fetch(`${stub.url}/v1/messages`, { method: "POST", body: "{}" });
    expect(keyless.status).toBe(401);
    const headers = { "x-api-key": "stub", "anthropic-version": "2023-06-01" };
    const large = await fetch(`${stub.url}/v1/messages`, { method: "POST", headers, body: "x".repeat(33 * 2 ** 20) });
    expect(await large.json()).toMatchObject({ error: { type: "request_too_large" } });
    expect(large.status).toBe(413);
  });
});

describe("the wire", () => {
  it("has about 115 bytes an event beside its text", async () => {
    const { stub } = await start({ tokensPerEvent: 4 });
    const response = await fetch(`${stub.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": "stub", "anthropic-version": "2023-06-01" },
      body: JSON.stringify({ ...ask("a"), stream: true }),
    });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const events = (await response.text()).split("\n\n").filter((event) => event.includes("content_block_delta"));
    expect(events).toHaveLength(15);
    expect((events[0]?.length ?? 0) + 2 - 16).toBeCloseTo(115, -1.3);
  });
});
