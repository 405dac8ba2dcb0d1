/** What `bench conformance` prints. */
import type { BackplaneDescription } from "@hubscale/hub-runtime";
import type { CaseOutcome, ConformanceTarget } from "@hubscale/hub-runtime/testing";

export interface ConformanceReport {
  schema: "hubscale.conformance/1";
  target: { ws: string; http: string };
  /** Null: the hub does not describe itself. */
  hub: BackplaneDescription | null;
  cases: CaseOutcome[];
  passed: number;
  failed: number;
  notApplicable: number;
  elapsedMs: number;
}

export function reportOf(
  { ws, http }: ConformanceTarget,
  hub: BackplaneDescription | null,
  cases: CaseOutcome[],
  elapsedMs: number,
): ConformanceReport {
  const count = (status: CaseOutcome["status"]) => cases.filter((each) => each.status === status).length;
  return {
    schema: "hubscale.conformance/1",
    target: { ws, http },
    hub,
    cases,
    passed: count("passed"),
    failed: count("failed"),
    notApplicable: count("not_applicable"),
    elapsedMs,
  };
}

export function hubLine({ ws, http }: ConformanceTarget, hub: BackplaneDescription | null): string {
  const what = hub
    ? `${hub.hub}, node ${hub.node}, durability ${hub.durability.verified}`
    : "a hub that does not describe itself";
  return `${ws} and ${http}: ${what}`;
}

const WORDS = { passed: "passed", failed: "FAILED", not_applicable: "not applicable" } as const;

/** The case, and below it what differs or why it does not apply. */
export function outcomeLines({ name, status, detail }: CaseOutcome): string[] {
  const why = detail === "" ? [] : detail.split("\n").map((line) => `      ${line}`);
  return [`  ${WORDS[status].padEnd(WORDS.not_applicable.length)}  ${name}`, ...why];
}

export function summaryLine({ passed, failed, notApplicable, elapsedMs }: ConformanceReport): string {
  return `${passed} passed, ${failed} failed, ${notApplicable} not applicable, in ${(elapsedMs / 1000).toFixed(1)} s`;
}
