import type { SidecarEvent } from "@hubscale/sidecar-sim";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { EventMerge } from "./event-merge.ts";

const event = (agent: number, atMs: number): SidecarEvent => ({ type: "identified", agent, atMs });

test("an event waits for what another process may have to say before it", () => {
  const out: number[] = [];
  const merge = new EventMerge(2, ({ atMs }) => out.push(atMs));
  merge.add(0, [event(0, 10), event(0, 30)], 40);
  expect(out).toEqual([]);
  merge.add(1, [event(1, 5), event(1, 20)], 20);
  expect(out).toEqual([5, 10, 20]);
  merge.end(1);
  expect(out).toEqual([5, 10, 20, 30]);
});

test("whatever the batches, all events come out once and in the order of their times", () => {
  const batch = fc.record({ source: fc.nat(2), gaps: fc.array(fc.nat(5), { maxLength: 5 }) });
  fc.assert(
    fc.property(fc.array(batch), (batches) => {
      const out: number[] = [];
      const merge = new EventMerge(3, ({ atMs }) => out.push(atMs));
      const nowMs = [0, 0, 0];
      let all = 0;
      for (const { source, gaps } of batches) {
        const events = gaps.map((gap) => event(source, (nowMs[source] = (nowMs[source] ?? 0) + gap)));
        merge.add(source, events, nowMs[source] ?? 0);
        all += events.length;
      }
      for (const source of [0, 1, 2]) merge.end(source);
      expect(out).toHaveLength(all);
      expect(out).toEqual([...out].sort((a, b) => a - b));
    }),
  );
});
