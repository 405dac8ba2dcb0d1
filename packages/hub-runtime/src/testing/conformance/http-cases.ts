import assert from "node:assert/strict";
import type { LlmEndpoint } from "@hubscale/protocol";
import type { ConformanceCase } from "./conformance-case.ts";
import { assertFieldError } from "./field-error.ts";

const NO_TASK = "task-0000000000000000";

/** Docs: wire.md, "HTTP". */
export const httpCases: readonly ConformanceCase[] = [
  {
    name: "health is public",
    covers: "GET /health",
    async run(_target, context) {
      assert.equal((await context.http("GET", "/health")).status, 200);
    },
  },
  {
    name: "registration gives a token and the hub's addresses",
    covers: "POST /api/onboard/register 201",
    async run(_target, context) {
      const agentId = context.unique("new");
      const answer = await context.http("POST", "/api/onboard/register", { body: { agent_id: agentId } });
      assert.equal(answer.status, 201);
      const body = answer.body as Record<string, string>;
      assert.deepEqual(Object.keys(body).sort(), ["agent_id", "default_repo", "hub_api_url", "hub_ws_url", "token"]);
      assert.equal(body["agent_id"], agentId);
      assert.match(body["token"] ?? "", /^[0-9a-f]{64}$/);
      assert.match(body["hub_ws_url"] ?? "", /^wss?:\/\/.*\/ws$/);
      assert.match(body["hub_api_url"] ?? "", /^https?:\/\//);
    },
  },
  {
    name: "an agent id can be registered once",
    covers: "POST /api/onboard/register 409",
    async run(_target, context) {
      const agentId = context.unique("twice");
      await context.register(agentId);
      const again = await context.http("POST", "/api/onboard/register", { body: { agent_id: agentId } });
      assert.equal(again.status, 409);
      assert.deepEqual(again.body, { error: "agent_id already registered" });
    },
  },
  {
    name: "two registrations of one id at once give one token",
    covers: "POST /api/onboard/register 409",
    async run(_target, context) {
      const body = { agent_id: context.unique("race") };
      const answers = await Promise.all([1, 2, 3].map(() => context.http("POST", "/api/onboard/register", { body })));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409]);
    },
  },
  {
    name: "a bad registration names the field",
    covers: "POST /api/onboard/register 422",
    async run(_target, context) {
      for (const [body, error] of [
        [{}, "required"],
        [{ agent_id: 5 }, "wrong_type"],
        [{ agent_id: "x".repeat(129) }, "too_long"],
      ] as const) {
        const answer = await context.http("POST", "/api/onboard/register", { body });
        assert.equal(answer.status, 422);
        assertFieldError(answer.body, "agent_id", error);
      }
    },
  },
  {
    name: "protected routes want a token",
    covers: "401",
    async run(_target, context) {
      const routes = [
        ["POST", "/api/tasks"],
        ["GET", "/api/tasks"],
        ["GET", "/api/tasks/stats"],
        ["GET", "/api/tasks/dead-letter"],
        ["GET", `/api/tasks/${NO_TASK}`],
        ["POST", `/api/tasks/${NO_TASK}/retry`],
        ["POST", `/api/tasks/${NO_TASK}/cancel`],
        ["GET", "/api/admin/llm-registry"],
        ["POST", "/api/admin/llm-registry"],
        ["GET", "/api/admin/rate-limits"],
      ] as const;
      const tokens = [{}, { token: "0".repeat(64) }, { token: "short" }];
      for (const [method, path] of routes) {
        for (const auth of tokens) {
          const answer = await context.http(method, path, {
            ...auth,
            ...(method === "POST" ? { body: { description: "x" } } : {}),
          });
          assert.equal(answer.status, 401, `${method} ${path}`);
          assert.deepEqual(answer.body, { error: "unauthorized", hint: "provide Authorization: Bearer <token>" });
        }
      }
    },
  },
  {
    name: "metrics and schemas are public",
    covers: "GET /api/metrics, GET /api/schemas",
    async run(_target, context) {
      for (const path of ["/api/metrics", "/api/schemas"]) {
        const answer = await context.http("GET", path);
        assert.equal(answer.status, 200, path);
        assert.equal(typeof answer.body, "object", path);
      }
    },
  },
  {
    name: "rate limits show three tiers",
    covers: "GET /api/admin/rate-limits",
    async run(_target, context) {
      const answer = await context.http("GET", "/api/admin/rate-limits", { token: await context.submitter() });
      assert.equal(answer.status, 200);
      const { defaults, overrides, whitelist } = answer.body as Record<string, Record<string, Record<string, number>>>;
      for (const tier of ["light", "normal", "heavy"]) {
        assert.equal(typeof defaults?.[tier]?.["capacity"], "number");
        assert.equal(typeof defaults?.[tier]?.["refill_rate_per_min"], "number");
      }
      assert.equal(typeof overrides, "object");
      assert.ok(Array.isArray(whitelist));
    },
  },
  {
    name: "endpoints can be registered, listed and removed",
    covers: "GET/POST/DELETE /api/admin/llm-registry",
    async run(_target, context) {
      const token = await context.submitter();
      const host = `${context.unique("no-such-host")}.invalid`;
      const registered = await context.http("POST", "/api/admin/llm-registry", {
        token,
        body: { host, port: 11_434, name: "spare" },
      });
      assert.ok(registered.status === 201 || registered.status === 200, `answered ${registered.status}`);
      const id = `${host}:11434`;
      await context.eventually(async () => {
        const { endpoints } = (await context.http("GET", "/api/admin/llm-registry", { token })).body as {
          endpoints: LlmEndpoint[];
        };
        const found = endpoints.find((endpoint) => endpoint.id === id);
        assert.equal(found?.host, host);
        assert.equal(found?.port, 11_434);
        assert.notEqual(found?.status, "healthy");
      });
      assert.equal((await context.http("DELETE", `/api/admin/llm-registry/${id}`, { token })).status, 200);
      assert.equal((await context.http("DELETE", `/api/admin/llm-registry/${id}`, { token })).status, 404);
      const bad = await context.http("POST", "/api/admin/llm-registry", { token, body: {} });
      assert.equal(bad.status, 422);
      assertFieldError(bad.body, "host", "required");
    },
  },
  {
    name: "answers never hold a stack trace",
    covers: "errors",
    async run(_target, context) {
      const token = await context.submitter();
      for (const [method, path, body] of [
        ["POST", "/api/tasks", "{not json"],
        ["POST", "/api/tasks", "[1,2]"],
        ["POST", "/api/tasks", "null"],
        ["GET", "/api/nowhere", undefined],
        ["GET", "/api/tasks/%ff", undefined],
        ["POST", "/api/tasks", JSON.stringify({ description: "x".repeat(1_100_000) })],
      ] as const) {
        const answer = await context.http(method, path, body === undefined ? { token } : { token, body });
        assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${path} answered ${answer.status}`);
        assert.doesNotMatch(JSON.stringify(answer.body ?? ""), /at .*\.[jt]s:\d+|node_modules/);
      }
    },
  },
];
