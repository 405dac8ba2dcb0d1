import { acceptedFrame, completeFrame, plainSuccess } from "@hubscale/sidecar-sim";
import { expect, test } from "vitest";
import { type ArtilleryLoad, scenarioOf } from "./artillery.ts";

const LOAD: ArtilleryLoad = {
  url: "ws://127.0.0.1:1/ws",
  load: "tasks",
  connections: 500,
  connectSeconds: 4,
  framesOut: 20,
  seconds: 10,
  checksPongs: true,
};

interface Step {
  send?: { payload: string } | string;
  wait?: object;
  think?: string;
}

/** The steps of a turn. */
function turn(load: Partial<ArtilleryLoad>): Step[] {
  const { scenarios } = JSON.parse(scenarioOf({ ...LOAD, ...load }));
  return scenarios[0].flow.at(-1).loop;
}

const payload = ({ send }: Step) => (typeof send === "object" ? send.payload : send);

test("filled in, the tool's answers to a task are a sidecar's, byte for byte but for the moment in the report", () => {
  const [, accepted, , complete] = turn({}).map((step) =>
    payload(step)?.replaceAll("{{ task_id }}", "task-1").replaceAll("{{ generation }}", "3"),
  );
  expect(accepted).toBe(acceptedFrame("task-1"));
  const endedMs = Number(/"started_at":(\d+)/.exec(complete ?? "")?.[1]);
  expect(String(endedMs)).toHaveLength(String(Date.now()).length);
  expect(complete).toBe(completeFrame({ taskId: "task-1", generation: 3, endedMs, result: plainSuccess("", 100) }));
});

test("a task is waited for, accepted, worked on for the time that the rate leaves, and completed", () => {
  expect(turn({}).map((step) => Object.keys(step)[0])).toEqual(["wait", "send", "think", "send"]);
  expect(turn({})[2]?.think).toBe("100ms");
  expect(turn({ framesOut: 2 })[2]?.think).toBe("1000ms");
});

test("pings have a pause with its unit, and are matched only when pongs are checked", () => {
  expect(turn({ load: "pings" })).toEqual([
    { send: { payload: '{"type":"ping","protocol_version":1}', match: { json: "$.type", value: "pong" } } },
    { think: "50ms" },
  ]);
  expect(turn({ load: "pings", checksPongs: false })[0]).toEqual({ send: '{"type":"ping","protocol_version":1}' });
});
