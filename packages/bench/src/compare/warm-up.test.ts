import { expect, it } from "vitest";
import { warmUp } from "./warm-up.ts";

/** Does `perSec` tasks a second one after the other, each of which an agent works on for `workMs`; its CPU is known and constant. */
function hubOf({ perSec, workMs }: { perSec: number; workMs: number }) {
  const inFlights: number[] = [];
  let cpuSeconds = 0;
  return {
    inFlights,
    cpuSecondsByRole: async () => ({ hub: cpuSeconds }),
    probe: async (inFlight: number) => {
      inFlights.push(inFlight);
      cpuSeconds += 0.1;
      return { rate: perSec, paid: 10, drainMs: workMs + (inFlight * 1000) / perSec };
    },
  };
}

it.each([
  ["a fast hub gets the most at once", { perSec: 1000, workMs: 0 }, [2, 8, 8, 8]],
  ["a slow one what it can bear", { perSec: 10, workMs: 0 }, [2, 8, 2, 2]],
  ["agents that take their time do not make a hub slow", { perSec: 100, workMs: 400 }, [2, 8, 8, 8]],
])("%s", async (_, speed, begins) => {
  const hub = hubOf(speed);
  const { steadyFrom } = await warmUp(hub, hub, { mostInFlight: 8, seed: 1 });
  expect(hub.inFlights.slice(0, 4)).toEqual(begins);
  expect(steadyFrom).not.toBeNull();
});

it("does not wait again and again for tasks that are lost, and calls that hub never steady", async () => {
  const hub = hubOf({ perSec: 1000, workMs: 15_000 });
  expect(await warmUp(hub, hub, { mostInFlight: 8, seed: 1 })).toMatchObject({ steadyFrom: null });
  expect(hub.inFlights).toHaveLength(1);
});
