import { expect, test } from "vitest";
import { roomForAgents } from "./room-for-agents.ts";

test("agents that have no room are told how many processes they need", () => {
  expect(roomForAgents({ agents: 10_000, processes: 1 }, 20_000)).toEqual({ ok: true });
  expect(roomForAgents({ agents: 50_000, processes: 1 }, 20_000)).toMatchObject({ ok: false, needed: 50_200, processes: 3 });
  expect(roomForAgents({ agents: 50_000, processes: 3 }, 20_000)).toEqual({ ok: true });
  expect(roomForAgents({ agents: 1e6, processes: 1 }, undefined)).toEqual({ ok: true });
});
