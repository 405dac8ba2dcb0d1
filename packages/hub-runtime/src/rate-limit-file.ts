/** Rate limits from a JSON file: `{defaults?, overrides?, whitelist?}`, what is left out as on the reference hub. */
import { type FieldPath, InputFileError, readJsonFile } from "./files/index.ts";
import { REFERENCE_RATE_LIMITS, type RateLimitSettings } from "./rate-limiter.ts";

/** `off`, `reference`, or a path. Rejects with an `InputFileError` with the path, the line and what is allowed. */
export async function rateLimitsOf(choice: string): Promise<"off" | "reference" | RateLimitSettings> {
  if (choice === "off" || choice === "reference") return choice;
  const read = readJsonFile(choice);
  if (!read.ok) throw new InputFileError(`--rate-limits: ${read.problem}`);
  const { value, at } = read.json;
  return settingsOf(value, (path, problem) => {
    throw new InputFileError(`--rate-limits: ${at(path)}: ${path.join(".") || "the file"} ${problem}`);
  });
}

type Refuse = (path: FieldPath, problem: string) => never;

const FIELDS = ["defaults", "overrides", "whitelist"];

function settingsOf(content: unknown, refuse: Refuse): RateLimitSettings {
  const { defaults = {}, overrides = {}, whitelist = [] } = mapOf(content, [], { fields: FIELDS, refuse });
  if (!Array.isArray(whitelist) || !whitelist.every((agentId) => typeof agentId === "string")) {
    refuse(["whitelist"], "must be a list of agent ids");
  }
  const byAgent = Object.entries(mapOf(overrides, ["overrides"], { refuse }));
  return {
    defaults: { ...REFERENCE_RATE_LIMITS.defaults, ...limitsOf(defaults, ["defaults"], refuse) },
    overrides: Object.fromEntries(
      byAgent.map(([agentId, limits]) => [agentId, limitsOf(limits, ["overrides", agentId], refuse)]),
    ),
    whitelist: whitelist as string[],
  };
}

function limitsOf(content: unknown, path: FieldPath, refuse: Refuse): Partial<RateLimitSettings["defaults"]> {
  const tiers = Object.keys(REFERENCE_RATE_LIMITS.defaults);
  const limits = mapOf(content, path, { fields: tiers, refuse });
  for (const [tier, limit] of Object.entries(limits)) {
    const its = mapOf(limit, [...path, tier], { fields: ["capacity", "refillPerMin"], refuse });
    for (const field of ["capacity", "refillPerMin"]) {
      if (!isRate(its[field])) refuse([...path, tier, field], `must be a number above 0, up to ${RATE_MAX}`);
    }
  }
  return limits;
}

/** No agent sends so many frames a minute: above this the limit is better switched off. */
const RATE_MAX = 1e9;

function isRate(value: unknown): boolean {
  return typeof value === "number" && value > 0 && value <= RATE_MAX;
}

/** `fields`: those that there are; undefined: the writer's own names. */
function mapOf(
  content: unknown,
  path: FieldPath,
  { fields, refuse }: { fields?: readonly string[]; refuse: Refuse },
): Record<string, unknown> {
  if (typeof content !== "object" || content === null || Array.isArray(content)) return refuse(path, "must be a JSON object");
  const unknown = fields && Object.keys(content).find((name) => !fields.includes(name));
  if (unknown !== undefined) refuse([...path, unknown], `is an unknown field; there are ${fields?.join(", ")}`);
  return content as Record<string, unknown>;
}
