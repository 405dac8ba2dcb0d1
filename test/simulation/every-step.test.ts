/** One fault, at every place where it can fall in the life of a few tasks: nothing is left to the chance of a seed. */
import { expect, it } from "vitest";
import { CALL_FAULTS, type CallFault } from "./call-faults.ts";
import { type Action, sentenceOf } from "./plan.ts";
import { simulate } from "./simulation.ts";

const NOISES = [1, 2, 3];

const task = (atMs: number, node: number, of: Partial<Extract<Action, { do: "submit" }>> = {}): Action => {
  return { atMs, do: "submit", node, priority: "normal", assignTo: null, after: null, bytes: 0, ...of };
};

/** A task, one that waits for it, one that is cancelled, agents that leave with and without their work, a node that dies. */
const EVENTFUL: Action[] = [
  task(2_000, 0),
  task(2_050, 2),
  task(2_120, 1, { after: 0 }),
  { atMs: 2_400, do: "cancel", node: 1, nth: 1 },
  { atMs: 2_600, do: "break connection of agent", agent: 0 },
  { atMs: 2_700, do: "kill agent", agent: 1 },
  task(3_000, 0),
  { atMs: 3_600, do: "kill node", node: 2, forMs: 500 },
];

/** The same run with the nth call of the port failing like this. */
async function withFailing(nth: number, fault: CallFault | undefined, noise: number) {
  let calls = 0;
  let failed = "";
  const result = await simulate({ plan: EVENTFUL, noise }, {}, ({ node, name }) => {
    if (calls++ !== nth || !fault) return undefined;
    failed = `${name} of ${node}`;
    return fault;
  });
  return { ...result, calls, failed };
}

it("every call to the engine fails once in every way, and nothing is lost, done twice or left open", {
  timeout: 240_000,
}, async () => {
  const names = new Set<string>();
  let runs = 0;
  for (const noise of NOISES) {
    const { calls, violations } = await withFailing(-1, undefined, noise);
    expect(violations).toEqual([]);
    expect(calls).toBeGreaterThan(60);
    for (let nth = 0; nth < calls; nth++) {
      for (const fault of CALL_FAULTS) {
        await new Promise((resolve) => setImmediate(resolve));
        const { failed, history, violations: found } = await withFailing(nth, fault, noise);
        const { sort, isDone } = fault;
        expect(found, `call ${nth}, ${failed}: ${sort}, done ${isDone}\n${history.join("\n")}`).toEqual([]);
        names.add(failed.split(" of ")[0] as string);
        runs++;
      }
    }
  }
  process.stdout.write(`${runs} runs: ${[...names].sort().join(", ")}\n`);
  for (const name of ["take", "end", "adopt", "renew", "note", "add", "read", "change", "returnLost"])
    expect(names).toContain(name);
});

/** While it is queued, handed over, held, completed: the agent's next task must not wait for a clock of minutes. */
it("a task is cancelled at every moment of its life, on the node that has it and on another", {
  timeout: 240_000,
}, async () => {
  const submitMs = 2_000;
  const seen = { cancelled: 0, completed: 0 };
  for (const noise of NOISES) {
    for (const node of [0, 1]) {
      // The moments that count lie close together when it is stored and handed over, and apart while an agent works.
      for (let afterMs = 0; afterMs < 3_200; afterMs += afterMs < 150 ? 1 : 11) {
        await new Promise((resolve) => setImmediate(resolve));
        const plan: Action[] = [
          task(submitMs, 0, { assignTo: "a1" }),
          task(submitMs + 1, 0, { assignTo: "a1" }),
          { atMs: submitMs + afterMs, do: "cancel", node, nth: 0 },
        ];
        const { counts, endedMs, history, violations } = await simulate({ plan, noise });
        const story = `${plan.map(sentenceOf).join("; ")} at ${afterMs} ms, noise ${noise}\n${history.join("\n")}`;
        expect(violations, story).toEqual([]);
        expect(endedMs, story).toBeLessThan(15_000);
        seen.cancelled += counts.cancelled ?? 0;
        seen.completed += counts.completed ?? 0;
      }
    }
  }
  expect(seen.cancelled).toBeGreaterThan(100);
  expect(seen.completed).toBeGreaterThan(500);
});
