import { expect, test } from "vitest";
import { openFileLimit, parseOpenFileLimit, roomForAgents } from "./open-files.ts";

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             95906                95906                processes
Max open files            20000                20001                files
Max locked memory         8388608              8388608              bytes
`;

test("reads the limit that counts, and knows when there is none", () => {
  expect(parseOpenFileLimit(LIMITS)).toBe(20_000);
  expect(parseOpenFileLimit(LIMITS.replace("20000", "unlimited"))).toBeUndefined();
  expect(openFileLimit("darwin")).toBeUndefined();
});

test("agents that have no room are told how many processes they need", () => {
  expect(roomForAgents({ agents: 10_000, processes: 1 }, 20_000)).toEqual({ ok: true });
  expect(roomForAgents({ agents: 50_000, processes: 1 }, 20_000)).toMatchObject({ ok: false, needed: 50_200, processes: 3 });
  expect(roomForAgents({ agents: 50_000, processes: 3 }, 20_000)).toEqual({ ok: true });
  expect(roomForAgents({ agents: 1e6, processes: 1 }, undefined)).toEqual({ ok: true });
});
