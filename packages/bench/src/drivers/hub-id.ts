/**
 * The names by which hubs are asked for: `single-tuned`, `single-reference+C1+C3`, `sharded-redis@4` (four hub nodes over one
 * backbone server), `sharded-redis@4x2` (over two), `external`, `null`.
 */

export type HubSpec =
  /** `fixes` only with the reference: the tuned hub has them all. In the order C1 … C11, each once. */
  | { kind: "single"; profile: "reference" | "tuned"; fixes: string[] }
  | { kind: "sharded"; backbone: "redis" | "nats"; nodes: number; servers: number }
  /** A hub that runs elsewhere. */
  | { kind: "external" }
  /** Answers at once and keeps nothing: what the harness itself costs. */
  | { kind: "null" };

export type ParsedHubId = { ok: true; spec: HubSpec } | { ok: false; problem: string };

const FORMS = [
  "single-reference",
  "single-tuned",
  "single-reference+C1+C3",
  "sharded-redis@2",
  "sharded-redis@4x2",
  "sharded-nats@2",
  "external",
  "null",
];

/** The costs C1 … C11 of the contract (§7); each has its fix. */
const FIX_COUNT = 11;

/** More nodes than this on one machine measure the machine. */
export const MAX_NODES = 64;

/** As many as a hub has queue shards by default would leave one shard to each; more measure the machine. */
export const MAX_SERVERS = 16;

export function parseHubId(id: string): ParsedHubId {
  if (id === "external" || id === "null") return { ok: true, spec: { kind: id } };
  const single = /^single-(reference|tuned)((?:\+[^+]*)*)$/.exec(id);
  if (single) return parseSingle(id, single[1] as "reference" | "tuned", single[2] ?? "");
  const sharded = /^sharded-(redis|nats)(?:@(.*))?$/.exec(id);
  if (sharded) return parseSharded(id, sharded[1] as "redis" | "nats", sharded[2]);
  return { ok: false, problem: `unknown hub id '${id}'${suggestionFor(id)}; valid forms: ${FORMS.join(", ")}` };
}

/** The one spelling of a hub, for results and file names. */
export function formatHubId(spec: HubSpec): string {
  switch (spec.kind) {
    case "single":
      return [`single-${spec.profile}`, ...spec.fixes].join("+");
    case "sharded":
      return `sharded-${spec.backbone}@${spec.nodes}${spec.servers === 1 ? "" : `x${spec.servers}`}`;
    case "external":
    case "null":
      return spec.kind;
  }
}

function parseSingle(id: string, profile: "reference" | "tuned", suffix: string): ParsedHubId {
  const named = suffix.split("+").slice(1);
  if (profile === "tuned" && named.length > 0) {
    return { ok: false, problem: `'${id}': the tuned hub has every fix already; single fixes go with single-reference` };
  }
  for (const fix of named) {
    const number = /^C([1-9]\d?)$/.exec(fix)?.[1];
    if (number === undefined || Number(number) > FIX_COUNT) {
      return { ok: false, problem: `'${id}': '${fix}' is no fix; there are C1 to C${FIX_COUNT}` };
    }
  }
  const fixes = [...new Set(named)].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  return { ok: true, spec: { kind: "single", profile, fixes } };
}

function parseSharded(id: string, backbone: "redis" | "nats", count: string | undefined): ParsedHubId {
  if (count === undefined) {
    return { ok: false, problem: `'${id}' needs its number of nodes, for instance sharded-${backbone}@2` };
  }
  const [, nodeCount, serverCount = "1"] = /^(\d{1,4})(?:x(\d{1,4}))?$/.exec(count) ?? [];
  const nodes = Number(nodeCount ?? 0);
  const servers = Number(serverCount);
  if (nodes < 1 || nodes > MAX_NODES) {
    return { ok: false, problem: `'${id}': the number of nodes is a whole number from 1 to ${MAX_NODES}` };
  }
  if (servers < 1 || servers > MAX_SERVERS) {
    return { ok: false, problem: `'${id}': the number of backbone servers is a whole number from 1 to ${MAX_SERVERS}` };
  }
  return { ok: true, spec: { kind: "sharded", backbone, nodes, servers } };
}

/** Further off than this it is a guess, not a slip of the finger. */
const SUGGEST_WITHIN_EDITS = 4;

function suggestionFor(id: string): string {
  const [nearest] = FORMS.map((form) => ({ form, edits: editsBetween(id, form) })).sort((a, b) => a.edits - b.edits);
  return nearest && nearest.edits <= SUGGEST_WITHIN_EDITS ? ` (did you mean ${nearest.form}?)` : "";
}

/** Levenshtein distance, one row at a time. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const substitute = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(substitute, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
