import { expect, it } from "vitest";
import { machineShareOf } from "./machine-share.ts";

it.each([
  [2, true, { slowHubsAtOnce: 3, hubsAtOnce: 2, coresPerHub: 0.55 }],
  [8, true, { slowHubsAtOnce: 3, hubsAtOnce: 2, coresPerHub: 1 }],
  [1, true, { slowHubsAtOnce: 1, hubsAtOnce: 1, coresPerHub: 0.65 }],
  [0.5, true, { slowHubsAtOnce: 1, hubsAtOnce: 1, coresPerHub: 0.2 }],
  [8, false, { slowHubsAtOnce: 1, hubsAtOnce: 1, coresPerHub: 1 }],
])("on %d cores, quotas %s", (cpus, quotas, share) => {
  expect(machineShareOf({ cpus, quotas })).toEqual(share);
});
