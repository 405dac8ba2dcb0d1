import { describe, expect, it } from "vitest";
import { CapacitySearch } from "../measure/capacity-search.ts";
import type { TrialSummary } from "../results/compare-result.ts";
import { searchedIn } from "./quantity-search.ts";

/** Only what a reading looks at. */
function trialOf(load: number, outcome: TrialSummary["outcome"], change: Partial<TrialSummary> = {}): TrialSummary {
  return {
    load,
    outcome,
    reasons: outcome === "missed" ? ["report.p99 400 ms, bound 333 ms"] : [],
    durationMs: 3000,
    ...change,
  } as TrialSummary;
}

const UNBEGUN = { durationMs: 0, reasons: ["agent-9 got no task within 15 s"] };

function readingOf(trials: TrialSummary[]) {
  const search = new CapacitySearch({ guess: 100, maxLoad: 3_000, unit: "agents" });
  for (const { load, outcome } of trials) if (outcome !== "invalid") search.record(load, outcome === "held");
  return searchedIn({ search, trials }, "streamingAgents");
}

describe("what the trials of a quantity say", () => {
  it("is a capacity between what held and what was missed", () => {
    const { capacity, note } = readingOf([
      trialOf(80, "held"),
      trialOf(120, "missed"),
      trialOf(90, "held"),
      trialOf(110, "missed"),
    ]);
    expect(note).toBe("");
    expect(capacity?.low).toBeGreaterThan(60);
    expect(capacity?.high).toBeLessThan(150);
  });

  it("is no more than a least where every miss is a load that could not even begin", () => {
    const { capacity, note } = readingOf([trialOf(80, "held"), trialOf(120, "missed", UNBEGUN), trialOf(90, "held")]);
    expect(capacity).toMatchObject({ value: 90, low: 90, high: 90, unit: "agents, at least" });
    expect(note).toBe("at least 90 agents: what was more could not be brought to run: agent-9 got no task within 15 s");
  });

  it("is a capacity where one load did begin and was missed", () => {
    const { note } = readingOf([trialOf(80, "held"), trialOf(120, "missed", UNBEGUN), trialOf(110, "missed")]);
    expect(note).toBe("");
  });

  it("is none where nothing held, with what the first miss says", () => {
    expect(readingOf([trialOf(80, "missed", UNBEGUN)])).toEqual({
      capacity: null,
      note: "it held no load that was tried: agent-9 got no task within 15 s",
    });
  });
});
