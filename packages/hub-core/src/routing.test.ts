import { describe, expect, it } from "vitest";
import { type EndpointView, endpointScore, type HostResources, routeTask } from "./routing.ts";
import { draftOf } from "./task-draft.ts";
import { newTask } from "./task-transition.ts";

const GIB = 1024 ** 3;
const taskOf = (body: Partial<Parameters<typeof draftOf>[0]>) =>
  newTask("task-1", draftOf({ description: "add a test", ...body }, "sub"), 1_000);
const endpoint = (view: Partial<EndpointView>): EndpointView => ({
  id: "gpu-1:11434",
  host: "gpu-1",
  healthy: true,
  models: ["llama3.2:latest"],
  loadedModels: [],
  resources: null,
  ...view,
});
const resources = (known: Partial<HostResources>): HostResources => ({
  cpuPercent: null,
  ramTotalBytes: null,
  vramUsedBytes: null,
  vramTotalBytes: null,
  ...known,
});

describe("endpoint score", () => {
  it.each<[string, Partial<EndpointView>, number]>([
    ["nothing known", {}, 0.5 * 1 * 0.9],
    ["a report of nulls is nothing known", { resources: resources({}) }, 0.5 * 1 * 0.9],
    ["idle CPU", { resources: resources({ cpuPercent: 0 }) }, 1 * 1 * 0.9],
    ["CPU 25 %", { resources: resources({ cpuPercent: 25 }) }, 0.75 * 1 * 0.9],
    ["CPU 100 %", { resources: resources({ cpuPercent: 100 }) }, 0],
    ["CPU beyond 100 % never scores below nothing", { resources: resources({ cpuPercent: 140 }) }, 0],
    ["8 GiB RAM", { resources: resources({ cpuPercent: 0, ramTotalBytes: 8 * GIB }) }, 0.5 * 0.9],
    ["24 GiB RAM is the most that counts", { resources: resources({ cpuPercent: 0, ramTotalBytes: 24 * GIB }) }, 1.5 * 0.9],
    ["96 GiB RAM", { resources: resources({ cpuPercent: 0, ramTotalBytes: 96 * GIB }) }, 1.5 * 0.9],
    ["VRAM free", { resources: resources({ cpuPercent: 0, vramUsedBytes: 0, vramTotalBytes: 24 * GIB }) }, 1],
    ["VRAM full", { resources: resources({ cpuPercent: 0, vramUsedBytes: 24 * GIB, vramTotalBytes: 24 * GIB }) }, 0.8],
    ["VRAM three quarters free", { resources: resources({ cpuPercent: 0, vramUsedBytes: 6, vramTotalBytes: 24 }) }, 0.95],
    ["no GPU at all", { resources: resources({ cpuPercent: 0, vramUsedBytes: 0, vramTotalBytes: 0 }) }, 0.9],
    ["model loaded", { loadedModels: ["llama3.2:latest"] }, 0.45 * 1.15],
    ["same repository", { repo: "git@forge:team/app" }, 0.45 * 1.05],
    ["another repository", { repo: "git@forge:team/lib" }, 0.45],
  ])("%s", (_, view, score) => {
    expect(endpointScore(endpoint(view), taskOf({ repo: "git@forge:team/app" }))).toBeCloseTo(score, 12);
  });

  it("gives the bonus to the model that the task names, not to another that is loaded", () => {
    const task = taskOf({ metadata: { model: "qwen" } });
    expect(endpointScore(endpoint({ models: ["llama", "qwen"], loadedModels: ["llama"] }), task)).toBeCloseTo(0.45, 12);
    expect(endpointScore(endpoint({ models: ["llama", "qwen"], loadedModels: ["qwen"] }), task)).toBeCloseTo(0.45 * 1.15, 12);
    expect(endpointScore(endpoint({ models: ["llama"], loadedModels: ["llama"] }), task)).toBeCloseTo(0.45, 12);
  });

  it("does not take a task without repository for one of the same repository", () => {
    expect(endpointScore(endpoint({ repo: null }), taskOf({}))).toBeCloseTo(0.45, 12);
  });
});

describe("routing", () => {
  it("sends a standard task to the best healthy endpoint and says which model", () => {
    const endpoints = [
      endpoint({ id: "slow:11434", host: "slow", resources: resources({ cpuPercent: 90 }) }),
      endpoint({ id: "down:11434", host: "down", healthy: false, resources: resources({ cpuPercent: 0 }) }),
      endpoint({
        id: "fast:11434",
        host: "fast",
        resources: resources({ cpuPercent: 5 }),
        models: ["a", "b"],
        loadedModels: ["b"],
      }),
    ];
    expect(routeTask(taskOf({ file_hints: [{ path: "a.ts" }] }), endpoints, 77)).toEqual({
      effective_tier: "standard",
      target_type: "ollama",
      selected_endpoint: "fast:11434",
      selected_model: "b",
      fallback_used: false,
      fallback_reason: null,
      fallback_from_tier: null,
      classification_reason: "inferred:standard (confidence 0.33, word_count=3, files=1)",
      estimated_cost_tier: "local",
      candidate_count: 2,
      decided_at: 77,
    });
  });

  it("picks the lower id between equals, in whatever order they come", () => {
    const pair = [endpoint({ id: "b:11434", host: "b" }), endpoint({ id: "a:11434", host: "a" })];
    expect(routeTask(taskOf({}), pair, 0).selected_endpoint).toBe("a:11434");
    expect(routeTask(taskOf({}), pair.toReversed(), 0).selected_endpoint).toBe("a:11434");
  });

  it("has no model to name on an endpoint without models", () => {
    expect(routeTask(taskOf({}), [endpoint({ models: [] })], 0)).toMatchObject({
      selected_endpoint: "gpu-1:11434",
      selected_model: null,
    });
  });

  it("falls back where no endpoint is healthy, and says from what", () => {
    expect(routeTask(taskOf({}), [endpoint({ healthy: false })], 5)).toMatchObject({
      target_type: "ollama",
      selected_endpoint: null,
      fallback_used: true,
      fallback_reason: "no_healthy_ollama_endpoints",
      fallback_from_tier: "standard",
      candidate_count: 0,
      classification_reason: "inferred:standard (confidence 0.00) [fallback from standard: no_healthy_ollama_endpoints]",
    });
  });

  it("treats unknown as standard", () => {
    expect(routeTask(taskOf({ complexity_tier: "unknown" }), [endpoint({})], 5)).toMatchObject({
      effective_tier: "standard",
      target_type: "ollama",
      selected_endpoint: "gpu-1:11434",
      classification_reason: "explicit:unknown (confidence 0.00, word_count=3, files=0)",
    });
  });

  it.each([
    ["trivial", "sidecar", null, null, "free"],
    ["complex", "claude", "claude_api", "claude", "api"],
  ] as const)("sends %s to %s, endpoints or not", (tier, target, selected, model, cost) => {
    const decision = routeTask(taskOf({ complexity_tier: tier }), [endpoint({})], 5);
    expect(decision).toMatchObject({
      effective_tier: tier,
      target_type: target,
      selected_endpoint: selected,
      selected_model: model,
      estimated_cost_tier: cost,
      fallback_used: false,
    });
  });
});
