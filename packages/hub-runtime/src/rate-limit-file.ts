/** Rate limits from a JSON file: `{defaults?, overrides?, whitelist?}`, what is left out as on the reference hub. */
import { readFile } from "node:fs/promises";
import { REFERENCE_RATE_LIMITS, type RateLimitSettings } from "./rate-limiter.ts";

/** `off`, `reference`, or a path. Throws with the path and what is wrong. */
export async function rateLimitsOf(choice: string): Promise<"off" | "reference" | RateLimitSettings> {
  if (choice === "off" || choice === "reference") return choice;
  try {
    return settingsOf(JSON.parse(await readFile(choice, "utf8")));
  } catch (error) {
    throw new Error(`--rate-limits ${choice}: ${(error as Error).message}`, { cause: error });
  }
}

function settingsOf(content: unknown): RateLimitSettings {
  const { defaults = {}, overrides = {}, whitelist = [] } = mapOf("the file", content);
  if (!Array.isArray(whitelist) || !whitelist.every((agentId) => typeof agentId === "string")) {
    throw new Error("whitelist must be a list of agent ids");
  }
  const byAgent = Object.entries(mapOf("overrides", overrides));
  return {
    defaults: { ...REFERENCE_RATE_LIMITS.defaults, ...limitsOf("defaults", defaults) },
    overrides: Object.fromEntries(byAgent.map(([agentId, limits]) => [agentId, limitsOf(`overrides.${agentId}`, limits)])),
    whitelist,
  };
}

function limitsOf(name: string, content: unknown): Partial<RateLimitSettings["defaults"]> {
  const tiers = Object.keys(REFERENCE_RATE_LIMITS.defaults);
  const limits = mapOf(name, content);
  for (const [tier, limit] of Object.entries(limits)) {
    if (!tiers.includes(tier)) throw new Error(`${name} may name ${tiers.join(", ")}, not "${tier}"`);
    const { capacity, refillPerMin } = mapOf(`${name}.${tier}`, limit);
    if (!isRate(capacity) || !isRate(refillPerMin)) {
      throw new Error(`${name}.${tier} must have a positive capacity and refillPerMin`);
    }
  }
  return limits;
}

function isRate(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

function mapOf(name: string, content: unknown): Record<string, unknown> {
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return content as Record<string, unknown>;
  throw new Error(`${name} must be a JSON object`);
}
