/** Hubs that limit registrations by waits of any size, or answer nonsense. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { HUB_RETRY_MS_MAX, register } from "@hubscale/sidecar-sim";
import { afterEach, expect, test } from "vitest";

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(handler: (response: ServerResponse, nth: number) => void) {
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => handler(response, ++requests));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests };
}

const limited = (response: ServerResponse, wait: string, headers = {}) =>
  response.writeHead(429, headers).end(`{"error":"rate_limited"${wait}}`);

test.each<[string, Record<string, string>]>([
  [',"retry_after_ms":3000000000', {}],
  [`,"retry_after_ms":1${"0".repeat(400)}`, {}],
  ["", { "retry-after": "3000000" }],
  ["", { "retry-after": new Date(Date.now() + 40 * 86_400_000).toUTCString() }],
])("a wait above the limit is waited for up to the limit: %s %j", async (body, headers) => {
  const hub = await serve((response) => limited(response, body, headers));
  const stop = new AbortController();
  const waits: number[] = [];
  const end = await register({
    httpUrls: [hub.url],
    agentIds: ["a"],
    requestsInFlight: 4,
    signal: stop.signal,
    onWait: (waitMs) => {
      waits.push(waitMs);
      // A timer that is too long fires after 1 ms: by then the next request would be under way.
      setTimeout(() => stop.abort(), 200);
    },
  });
  expect(end).toMatchObject({ ok: false, code: "stopped" });
  expect(waits).toEqual([HUB_RETRY_MS_MAX]);
  expect(hub.requests()).toBe(1);
});

test("a wait of nothing does not flood the hub", async () => {
  const hub = await serve((response, nth) => {
    if (nth < 3) limited(response, ',"retry_after_ms":0');
    else response.writeHead(201).end('{"token":"t"}');
  });
  const waits: number[] = [];
  const onWait = (waitMs: number) => waits.push(waitMs);
  expect(await register({ httpUrls: [hub.url], agentIds: ["a"], requestsInFlight: 1, onWait })).toMatchObject({ ok: true });
  expect(waits).toEqual([50, 50]);
});

test.each([
  ["a token that is no part of a header", JSON.stringify({ token: "a\r\nb: c" }), /no token in the answer/],
  ["a token without an end", JSON.stringify({ token: "x".repeat(2_000) }), /no token in the answer/],
  ["null", "null", /no token in the answer/],
  ["an answer without an end", "x".repeat(4 * 2 ** 20), /size|max/i],
])("%s is refused in words", async (_what, body, detail) => {
  const hub = await serve((response) => response.writeHead(201).end(body));
  const end = await register({ httpUrls: [hub.url], agentIds: ["a"], requestsInFlight: 1, onWait: () => undefined });
  expect(end).toMatchObject({ ok: false, detail: expect.stringMatching(detail) as unknown });
});
