/** Whether what a hub said is what was recorded, once ids, tokens and times are left out of account. */

/** Recorded names and ids, and what they are called in the replay. */
export class Aliases {
  readonly #byRecorded = new Map<string, string>();

  set(recorded: string, actual: string): void {
    this.#byRecorded.set(recorded, actual);
  }

  has(recorded: string): boolean {
    return this.#byRecorded.has(recorded);
  }

  get(recorded: string): string | undefined {
    return this.#byRecorded.get(recorded);
  }

  actualNames(): Set<string> {
    return new Set(this.#byRecorded.values());
  }

  /** A copy of a recorded value in the replay's names. */
  translate<T>(recorded: T): T {
    return JSON.parse(JSON.stringify(recorded), (_key, value: unknown) =>
      typeof value === "string" ? (this.#byRecorded.get(value) ?? value) : value,
    ) as T;
  }
}

export interface MatchRules {
  aliases: Aliases;
  /** Fields beyond the recorded ones are allowed: in HTTP answers, not in frames. */
  allowsMore: boolean;
}

/** The differences, each with its path; none: it matches. Ids that are seen for the first time are learnt. */
export function differences(recorded: unknown, actual: unknown, rules: MatchRules, path = ""): string[] {
  const field = path.slice(path.lastIndexOf(".") + 1);
  const differs = () => [`${path || "value"}: recorded ${JSON.stringify(recorded)}, now ${JSON.stringify(actual)}`];
  if (TIME_FIELDS.has(field) && typeof recorded === "number") return isTime(actual) ? [] : differs();
  if (COUNT_FIELDS.has(field)) return typeof actual === typeof recorded ? [] : differs();
  if (typeof recorded === "string") return matchesText(field, recorded, actual, rules.aliases) ? [] : differs();
  if (Array.isArray(recorded)) {
    if (!Array.isArray(actual)) return differs();
    // A hub may know more frames than the recorded one.
    if (field === "known_types") return recorded.every((type) => actual.includes(type)) ? [] : differs();
    const others = field === "agents" ? withoutStrangers(actual, rules.aliases) : actual;
    if (others.length !== recorded.length) return differs();
    return recorded.flatMap((item, index) => differences(item, others[index], rules, `${path}[${index}]`));
  }
  if (typeof recorded !== "object" || recorded === null) return recorded === actual ? [] : differs();
  if (typeof actual !== "object" || actual === null || Array.isArray(actual)) return differs();
  const now = actual as Record<string, unknown>;
  const missing = Object.keys(recorded).filter((key) => !(key in now));
  const added = rules.allowsMore ? [] : Object.keys(now).filter((key) => !(key in recorded));
  return [
    ...missing.map((key) => `${path}.${key}: recorded, now missing`),
    ...added.map((key) => `${path}.${key}: not recorded, now ${JSON.stringify(now[key])}`),
    ...Object.entries(recorded)
      .filter(([key]) => key in now)
      .flatMap(([key, value]) => differences(value, now[key], rules, `${path}.${key}`)),
  ];
}

const TIME_FIELDS = new Set([
  "timestamp",
  "created_at",
  "updated_at",
  "assigned_at",
  "connected_at",
  "decided_at",
  "started_at",
]);

/** Numbers of a hub that others have used too. */
const COUNT_FIELDS = new Set(["seq", "by_priority", "by_status", "dead_letter", "queued_index_size"]);

const ID_FIELDS = new Set(["id", "task_id"]);

function isTime(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && Math.abs(value - Date.now()) < 3_600_000;
}

function matchesText(field: string, recorded: string, actual: unknown, aliases: Aliases): boolean {
  if (typeof actual !== "string") return false;
  if (recorded === "<64 hex>") return /^[0-9a-f]{64}$/.test(actual);
  if (field === "hub_ws_url" || field === "hub_api_url") return URL.canParse(actual);
  // The recorded hub shows a state only after an agent's first transition.
  if (field === "fsm_state" && recorded === "unknown") return actual === "unknown" || actual === "idle";
  const alias = aliases.get(recorded);
  if (alias !== undefined) return alias === actual;
  if (!ID_FIELDS.has(field)) return recorded === actual;
  aliases.set(recorded, actual);
  return actual.length === recorded.length;
}

function withoutStrangers(agents: readonly unknown[], aliases: Aliases): unknown[] {
  const ours = aliases.actualNames();
  return agents.filter((agent) => ours.has((agent as { agent_id: string }).agent_id));
}
