import { describe, expect, it } from "vitest";
import { type UsageMark, usageBetween } from "./process-sampler.ts";
import type { ProcessUsage } from "./process-usage.ts";

function usage(pid: number, cpuSeconds: number, over: Partial<ProcessUsage> = {}): ProcessUsage {
  return {
    pid,
    startMark: "first",
    cpuSeconds,
    rssBytes: 100,
    voluntarySwitches: 1,
    involuntarySwitches: 1,
    readCallBytes: null,
    writeCallBytes: 10,
    writeCalls: 1,
    diskWriteBytes: 0,
    ...over,
  };
}

const mark = (atMs: number, ...usages: ProcessUsage[]): UsageMark => ({
  atMs,
  byRole: new Map([["hub", new Map(usages.map((one) => [one.pid, one]))]]),
});

describe("usageBetween", () => {
  it("adds up what the processes of a role have used", () => {
    const between = usageBetween(
      mark(0, usage(1, 5), usage(2, 1)),
      mark(2_000, usage(1, 6), usage(2, 1.5, { writeCallBytes: 30 })),
    );
    expect(between.get("hub")).toMatchObject({
      wallMs: 2_000,
      cpuSeconds: 1.5,
      rssBytes: 200,
      writeCallBytes: 20,
      processes: 2,
    });
  });

  it("counts a new process from its start, also when it has an old one's id", () => {
    const between = usageBetween(mark(0, usage(1, 5)), mark(1_000, usage(1, 0.25, { startMark: "later" }), usage(2, 0.5)));
    expect(between.get("hub")).toMatchObject({ cpuSeconds: 0.75, endedPids: [1] });
  });

  it("says what the system does not tell", () => {
    expect(usageBetween(mark(0, usage(1, 0)), mark(1, usage(1, 1))).get("hub")?.readCallBytes).toBeNull();
  });
});
