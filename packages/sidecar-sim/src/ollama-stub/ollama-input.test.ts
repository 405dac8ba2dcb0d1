import { describe, expect, it } from "vitest";
import { type Ask, readKeepAlive, readOllamaAsk, readOpenAiAsk } from "./ollama-input.ts";

describe("readKeepAlive", () => {
  it.each([
    [undefined, undefined],
    [null, undefined],
    [0, 0],
    [90, 90_000],
    [-1, Number.POSITIVE_INFINITY],
    ["0", 0],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    ["250ms", 250],
    ["-1m", Number.POSITIVE_INFINITY],
  ])("%j", (value, ms) => {
    expect(readKeepAlive(value)).toEqual({ ok: true, ms });
  });

  it.each(["soon", "5", "5 m", ""])("refuses %j", (value) => {
    expect(readKeepAlive(value)).toMatchObject({ ok: false, problem: expect.stringContaining("invalid duration") });
  });
});

const ollama = (body: unknown): Ask => {
  const outcome = readOllamaAsk(body);
  if (!outcome.ok) throw new Error(outcome.problem);
  return outcome.ask;
};

describe("readOllamaAsk", () => {
  it("streams unless told otherwise, counts four characters a token, and takes the options that matter", () => {
    expect(ollama({ model: "m", prompt: "x".repeat(41), system: "y" })).toMatchObject({ stream: true, promptTokens: 11 });
    const options = { num_predict: 7, num_ctx: 2_048, temperature: 0 };
    expect(ollama({ model: "m", prompt: "a", stream: false, options })).toMatchObject({
      stream: false,
      maxOutputTokens: 7,
      contextTokens: 2_048,
    });
    expect(ollama({ model: "m", prompt: "a", options: { num_predict: -1 } }).maxOutputTokens).toBeUndefined();
  });

  it("knows a conversation by its beginning", () => {
    const first = [
      { role: "system", content: "s" },
      { role: "user", content: "u" },
    ];
    const later = [...first, { role: "assistant", content: "a" }, { role: "user", content: "v" }];
    const other = [
      { role: "system", content: "s" },
      { role: "user", content: "w" },
    ];
    const conversation = (messages: unknown[]) => ollama({ model: "m", messages }).conversation;
    expect(conversation(later)).toBe(conversation(first));
    expect(conversation(other)).not.toBe(conversation(first));
    expect(ollama({ model: "m", messages: [] })).toMatchObject({ promptTokens: 0, conversation: undefined });
  });

  it("refuses what is no object", () => {
    for (const body of [undefined, null, [], "text"]) expect(readOllamaAsk(body).ok).toBe(false);
  });
});

describe("readOpenAiAsk", () => {
  it("streams only when asked to and reads content in parts", () => {
    const messages = [{ role: "user", content: [{ type: "text", text: "x".repeat(36) }] }];
    const outcome = readOpenAiAsk({ model: "m", messages, max_tokens: 5 });
    expect(outcome).toMatchObject({ ok: true, ask: { stream: false, promptTokens: 13, maxOutputTokens: 5 } });
    expect(readOpenAiAsk({ model: "m", messages: [] }).ok).toBe(false);
  });
});
