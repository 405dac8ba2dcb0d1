/** Where a task should run: in the sidecar, on an Ollama endpoint, or at the Claude API (contract §6). */
import type { RoutingDecision, Task, Tier } from "@hubscale/protocol";
import { complexitySignals } from "./complexity.ts";

/** What a host last said of itself; null: it does not know. Pass no report at all once it is older than 90 s. */
export interface HostResources {
  cpuPercent: number | null;
  ramTotalBytes: number | null;
  vramUsedBytes: number | null;
  vramTotalBytes: number | null;
}

/** An Ollama endpoint as the scheduler sees it. */
export interface EndpointView {
  /** `host:port` */
  id: string;
  host: string;
  healthy: boolean;
  models: readonly string[];
  loadedModels: readonly string[];
  resources: HostResources | null;
  /** Repository of the last task that ran here, if anybody keeps count of it. */
  repo?: string | null;
}

/** Target and cost of each tier; `unknown` is treated as standard. */
export function routeTask(task: Task, endpoints: readonly EndpointView[], nowMs: number): RoutingDecision {
  switch (task.complexity.effective_tier) {
    case "trivial":
      return decision(task, nowMs, { effective_tier: "trivial", target_type: "sidecar", estimated_cost_tier: "free" });
    case "complex":
      return decision(task, nowMs, {
        effective_tier: "complex",
        target_type: "claude",
        selected_endpoint: "claude_api",
        selected_model: "claude",
        estimated_cost_tier: "api",
      });
    case "standard":
    case "unknown":
      return routeToOllama(task, endpoints, nowMs);
  }
}

/** The tier that a task is scheduled as. */
export function scheduledTier(task: Pick<Task, "complexity">): Exclude<Tier, "unknown"> {
  const tier = task.complexity.effective_tier;
  return tier === "unknown" ? "standard" : tier;
}

/**
 * How well an endpoint suits a task: free CPU × RAM × free VRAM × model loaded × same repository (contract §6). Without a
 * report: CPU half busy, RAM as the reference host's 16 GiB, VRAM factor 0.9.
 */
export function endpointScore(endpoint: EndpointView, task: Pick<Task, "metadata" | "repo">): number {
  const { cpuPercent, ramTotalBytes } = endpoint.resources ?? UNKNOWN_RESOURCES;
  const cpu = 1 - within(cpuPercent ?? 50, 0, 100) / 100;
  const ram = ramTotalBytes === null ? 1 : Math.min(ramTotalBytes / REFERENCE_RAM_BYTES, 1.5);
  const model = modelFor(endpoint, task);
  const loaded = model !== null && endpoint.loadedModels.includes(model) && isWanted(model, task) ? 1.15 : 1;
  const sameRepo = task.repo !== null && endpoint.repo === task.repo ? 1.05 : 1;
  return cpu * ram * vramFactor(endpoint.resources ?? UNKNOWN_RESOURCES) * loaded * sameRepo;
}

const REFERENCE_RAM_BYTES = 16 * 1024 ** 3;

const UNKNOWN_RESOURCES: HostResources = {
  cpuPercent: null,
  ramTotalBytes: null,
  vramUsedBytes: null,
  vramTotalBytes: null,
};

function vramFactor({ vramUsedBytes, vramTotalBytes }: HostResources): number {
  if (vramUsedBytes === null || vramTotalBytes === null || vramTotalBytes <= 0) return 0.9;
  return 0.8 + 0.2 * within(1 - vramUsedBytes / vramTotalBytes, 0, 1);
}

function routeToOllama(task: Task, endpoints: readonly EndpointView[], nowMs: number): RoutingDecision {
  const healthy = endpoints.filter((endpoint) => endpoint.healthy);
  const best = bestOf(healthy, task);
  const common = { effective_tier: "standard", target_type: "ollama", estimated_cost_tier: "local" } as const;
  if (!best) {
    return decision(task, nowMs, {
      ...common,
      fallback_used: true,
      fallback_reason: "no_healthy_ollama_endpoints",
      fallback_from_tier: "standard",
    });
  }
  return decision(task, nowMs, {
    ...common,
    selected_endpoint: best.id,
    selected_model: modelFor(best, task),
    candidate_count: healthy.length,
  });
}

/** The highest score; between equals the lower id, so that every node decides alike. */
function bestOf(endpoints: readonly EndpointView[], task: Task): EndpointView | undefined {
  let best: { endpoint: EndpointView; score: number } | undefined;
  for (const endpoint of endpoints) {
    const score = endpointScore(endpoint, task);
    if (!best || score > best.score || (score === best.score && endpoint.id < best.endpoint.id)) best = { endpoint, score };
  }
  return best?.endpoint;
}

/** The model that the task names in its metadata if the endpoint has it, else one that is loaded, else the first. */
function modelFor(endpoint: EndpointView, task: Pick<Task, "metadata">): string | null {
  const wanted = task.metadata["model"];
  if (typeof wanted === "string" && (endpoint.models.includes(wanted) || endpoint.loadedModels.includes(wanted))) return wanted;
  return endpoint.loadedModels[0] ?? endpoint.models[0] ?? null;
}

function isWanted(model: string, task: Pick<Task, "metadata">): boolean {
  const wanted = task.metadata["model"];
  return typeof wanted !== "string" || wanted === model;
}

function decision(
  task: Task,
  nowMs: number,
  made: Pick<RoutingDecision, "effective_tier" | "target_type" | "estimated_cost_tier"> & Partial<RoutingDecision>,
): RoutingDecision {
  return {
    selected_endpoint: null,
    selected_model: null,
    fallback_used: false,
    fallback_reason: null,
    fallback_from_tier: null,
    candidate_count: 0,
    ...made,
    classification_reason: reasonFor(task, made),
    decided_at: nowMs,
  };
}

/** In the recorded hub's words: the counts where the tier was followed, the fallback where it could not be. */
function reasonFor(task: Task, made: Partial<RoutingDecision>): string {
  const { source, effective_tier, inferred } = task.complexity;
  const confidence = `confidence ${inferred.confidence.toFixed(2)}`;
  if (made.fallback_used) {
    return `${source}:${effective_tier} (${confidence}) [fallback from ${made.fallback_from_tier}: ${made.fallback_reason}]`;
  }
  const { wordCount, fileCount } = complexitySignals(task);
  return `${source}:${effective_tier} (${confidence}, word_count=${wordCount}, files=${fileCount})`;
}

function within(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
