import { expect, it } from "vitest";
import { SHORT_WARM_UP, warmUp } from "./warm-up.ts";

/**
 * Does `perSec` tasks a second one after the other, each of which an agent works on for `workMs`; its CPU is known and constant. For
 * each of them it puts off work that takes `owedMs`.
 */
function hubOf({ perSec, workMs, owedMs = 0 }: { perSec: number; workMs: number; owedMs?: number }) {
  let owed = 0;
  const inFlights: number[] = [];
  let cpuSeconds = 0;
  return {
    machines: { hubNodes: 1, backboneServers: 0 },
    inFlights,
    lookInside: async () => ({ counters: {}, owed, loops: [] }),
    sleep: async (ms: number) => {
      owed = Math.max(0, owed - ms / owedMs);
    },
    cpuSecondsByRole: async () => ({ hub: cpuSeconds }),
    probe: async (inFlight: number) => {
      inFlights.push(inFlight);
      cpuSeconds += 0.1;
      owed += owedMs === 0 ? 0 : 10 * inFlight;
      return { rate: perSec, paid: 10, drainMs: workMs + (inFlight * 1000) / perSec };
    },
  };
}

it.each([
  ["a fast hub gets the most at once", { perSec: 1000, workMs: 0 }, [2, 8, 8, 8]],
  ["a slow one what it can bear", { perSec: 10, workMs: 0 }, [2, 8, 2, 2]],
  ["so does one that puts off its work", { perSec: 1000, workMs: 0, owedMs: 10 }, [2, 8, 2, 2]],
  ["agents that take their time do not make a hub slow", { perSec: 100, workMs: 400 }, [2, 8, 8, 8]],
])("%s", async (_, speed, begins) => {
  const hub = hubOf(speed);
  const { steadyFrom } = await warmUp(hub, hub, { mostInFlight: 8, seed: 1, plan: SHORT_WARM_UP, sleep: hub.sleep });
  expect(hub.inFlights.slice(0, 4)).toEqual(begins);
  expect(steadyFrom).not.toBeNull();
});

it("does not wait again and again for tasks that are lost, and calls that hub never steady", async () => {
  const hub = hubOf({ perSec: 1000, workMs: 15_000 });
  expect(await warmUp(hub, hub, { mostInFlight: 8, seed: 1, plan: SHORT_WARM_UP, sleep: hub.sleep })).toMatchObject({
    steadyFrom: null,
  });
  expect(hub.inFlights).toHaveLength(1);
});

it("goes on, thoroughly, until each node has had its tasks, however level the first slices are", async () => {
  const hub = hubOf({ perSec: 1000, workMs: 0 });
  const plan = { sliceMs: 250, leastSteady: 4, leastTasks: 100, mostSlices: 50 };
  await warmUp(hub, hub, { mostInFlight: 8, seed: 1, plan, sleep: hub.sleep });
  expect(hub.inFlights).toHaveLength(10);
});
