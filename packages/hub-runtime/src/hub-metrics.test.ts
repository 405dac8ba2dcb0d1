/** What scrapers and people are told of a hub, and that their looking changes nothing. */
import { afterEach, expect, test } from "vitest";
import { ConformanceContext, type MemoryHubOptions, startMemoryHub } from "./testing/index.ts";

const closers: (() => Promise<void>)[] = [];

async function start(options: MemoryHubOptions = {}) {
  const hub = await startMemoryHub(options);
  const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
  closers.push(
    () => hub.close(),
    () => context.close(),
  );
  return { hub, context };
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The samples of an exposition, by name and labels. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      return [`${name}{${labels}}`, Number(value)];
    }),
  );
}

async function scrape(http: string): Promise<Map<string, number>> {
  const answer = await fetch(`${http}/metrics`);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return samplesOf(await answer.text());
}

test("counters, histograms and states follow a task, for every scraper alike", async () => {
  const { hub, context } = await start();
  const agent = await context.agent("worker");
  const token = await context.submitter();
  const { body } = await context.http("POST", "/api/tasks", { token, body: { description: "x" } });
  const { task_id } = body as { task_id: string };
  const { generation } = await agent.client.takeAssign(task_id);
  agent.client.send({ type: "task_accepted", task_id });
  await agent.client.take("task_ack");
  const [one, other] = [await scrape(hub.httpUrl), await scrape(hub.httpUrl)];
  for (const samples of [one, other]) {
    expect(samples.get('hubscale_node_info{node="memory-1"}')).toBe(1);
    expect(samples.get("hubscale_tasks_submitted_total{}")).toBe(1);
    expect(samples.get("hubscale_tasks_assigned_total{}")).toBe(1);
    expect(samples.get("hubscale_assignment_seconds_count{}")).toBe(1);
    expect(samples.get('hubscale_agents{state="working"}')).toBe(1);
    expect(samples.get('hubscale_agents{state="idle"}')).toBe(0);
    expect(samples.get('hubscale_refusals_total{reason="rate_limited"}')).toBe(0);
  }
  agent.client.send({ type: "task_complete", task_id, generation, result: {} });
  await agent.client.take("task_ack");
  const after = await scrape(hub.httpUrl);
  expect(after.get("hubscale_tasks_completed_total{}")).toBe(1);
  expect(after.get('hubscale_agents{state="idle"}')).toBe(1);
  expect(after.get("hubscale_report_seconds_count{}")).toBe(2);
});

test("refusals are counted by their reason", async () => {
  const { hub, context } = await start({ rateLimits: "reference" });
  await fetch(`${hub.httpUrl}/health`, { headers: { origin: "http://evil.example" } });
  for (let n = 0; n < 12; n++) {
    await context.httpOnce("POST", "/api/onboard/register", { body: { agent_id: `a${n}` } });
  }
  const samples = await scrape(hub.httpUrl);
  expect(samples.get('hubscale_refusals_total{reason="caller_not_allowed"}')).toBe(1);
  expect(samples.get('hubscale_refusals_total{reason="rate_limited"}')).toBe(2);
});

test("what everybody may read is limited by the caller's address, and the store is asked once in a while only", async () => {
  const { hub } = await start({ rateLimits: "reference" });
  const statuses = new Map<number, number>();
  for (const path of ["/metrics", "/api/metrics", "/api/describe", "/api/agents", "/api/schemas"]) {
    for (let n = 0; n < 30; n++) {
      const { status } = await fetch(`${hub.httpUrl}${path}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  }
  expect(statuses.get(200)).toBeGreaterThanOrEqual(120);
  expect(statuses.get(200)).toBeLessThan(130);
  expect(statuses.get(429)).toBeGreaterThan(20);
  expect((await fetch(`${hub.httpUrl}/health`)).status).toBe(200);
});

test("two readers of the snapshot are told the same window", async () => {
  const { hub } = await start();
  const read = async () => (await (await fetch(`${hub.httpUrl}/api/metrics`)).json()) as { event_loop: Record<string, number> };
  await new Promise((resolve) => setTimeout(resolve, 5_200));
  const [one, other] = [await read(), await read()];
  expect(one.event_loop["utilization"]).toBeGreaterThan(0);
  expect(other.event_loop["utilization"]).toBe(one.event_loop["utilization"]);
  expect(other.event_loop["delay_ms"]).toEqual(one.event_loop["delay_ms"]);
  expect(other.event_loop["active_ms"]).toBeGreaterThan(one.event_loop["active_ms"] as number);
}, 20_000);
