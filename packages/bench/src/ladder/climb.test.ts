import { expect, it } from "vitest";
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import type { Workload } from "../workload/workload.ts";
import { climb, type ClimbOptions, conditionOf, rungCount } from "./climb.ts";
import { EVERY_FIX, hubIdOf, type Rung } from "./rungs.ts";

const WORKLOAD: Workload = {
  name: "w",
  slo: "assign.p99 < 100ms",
  agents: 50,
  completed_rows: 10,
  arrivals: "constant",
  work: 400,
  task: { description_chars: 10, metadata_bytes: 0 },
  streaming: true,
};

/** C6 gives ×3, C3 gives ×8, the others nothing; gains multiply. */
function modelHub(rung: Rung): HubResult {
  const factor = (rung.fixes.includes("C3") ? 8 : 1) * (rung.fixes.includes("C6") ? 3 : 1);
  const about = (value: number): Estimate => ({ value, low: value * 0.9, high: value * 1.1, n: 5, unit: "" });
  return {
    id: hubIdOf(rung),
    valid: true,
    invalidReasons: [],
    durability: { required: "fsync", verified: "fsync", how: "" },
    machines: { hubNodes: 1, backboneServers: 0 },
    capacity: { tasksPerSec: about(5 * factor), streamingAgents: null, messagesPerSec: null, connections: null },
    latency: { assignMsP50: null, assignMsP99: null },
    perTask: { hub: { cpuMs: about(90 / factor), fsyncs: null, bytesIn: null, bytesOut: null } },
    history: { submitted: 0, acknowledged: 0, completed: 0, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 },
    bound: { role: null, utilisation: null, explanation: "" },
    workPerTask: {},
    trials: [],
    describe: null,
  };
}

function run(change: Partial<ClimbOptions>) {
  const groups: string[][] = [];
  const options: ClimbOptions = {
    effort: { shortSum: false },
    control: true,
    plan: { rungs: "all" },
    condition: conditionOf(WORKLOAD, 0),
    fixes: ["C1", "C3", "C6"],
    order: undefined,
    slowHubsAtOnce: 2,
    hubsAtOnce: 2,
    measure: (rungs) => {
      groups.push(rungs.map(hubIdOf));
      return Promise.resolve(rungs.map(modelHub));
    },
    at: () => undefined,
    ...change,
  };
  return { groups, options, ladder: climb(options) };
}

it("measures the reference and each fix alone, then adds them up by their gain, then the reference again", async () => {
  const { groups, ladder, options } = run({});
  const { order, rungs } = await ladder;
  expect(order).toEqual({ fixes: ["C3", "C6", "C1"], by: "gain" });
  expect(rungs.map((rung) => rung.name)).toEqual([
    "reference",
    "+C1 alone",
    "+C3 alone",
    "+C6 alone",
    "… +C6",
    "… +C1",
    "reference, again",
  ]);
  expect(rungs.map((rung) => Math.round(rung.ratio?.value ?? 0))).toEqual([0, 1, 8, 3, 24, 24, 1]);
  expect(groups.every((group) => group.length <= 2)).toBe(true);
  expect(rungs).toHaveLength(rungCount(options));
});

it("adds them in the order that was asked for, the rest behind", async () => {
  const { order, rungs } = await run({ order: ["C1"] }).ladder;
  expect(order).toEqual({ fixes: ["C1", "C3", "C6"], by: "request" });
  expect(rungs.find((rung) => rung.kind === "sum")?.fixes).toEqual(["C1", "C3"]);
});

it("a short sum takes what is beside the task path in one step; a condition may have the top only", async () => {
  const short = await run({ fixes: EVERY_FIX, effort: { shortSum: true }, control: false }).ladder;
  expect(short.rungs.at(-1)?.added).toEqual(["C4", "C5", "C8", "C7", "C9", "C11"]);
  expect(short.rungs.at(-1)?.fixes).toHaveLength(11);
  const top = await run({ plan: { rungs: "alone-and-all" } }).ladder;
  expect(top.rungs.filter((rung) => rung.kind === "sum").map((rung) => rung.name)).toEqual(["all together"]);
});

it("knows what agents who work can do at most", () => {
  expect(conditionOf(WORKLOAD, 3)).toMatchObject({ agentsCeilingPerSec: 125, queuedRows: 3, streaming: true });
  expect(conditionOf({ ...WORKLOAD, work: 0 }, 0).agentsCeilingPerSec).toBeNull();
});

it("measures more at once where little load is needed: slow hubs, and all hubs under agents who work", async () => {
  const sizes = async (work: number) => {
    const { groups, ladder } = run({
      condition: conditionOf({ ...WORKLOAD, work }, 0),
      control: false,
      slowHubsAtOnce: 4,
      hubsAtOnce: 1,
    });
    await ladder;
    return groups.map((group) => group.length);
  };
  expect(await sizes(400)).toEqual([4, 2]);
  expect(await sizes(0)).toEqual([4, 1, 1]);
});
