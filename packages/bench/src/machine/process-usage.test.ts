import { describe, expect, it } from "vitest";
import { parsePs } from "./process-usage.ts";

describe("parsePs", () => {
  it("reads what macOS prints", () => {
    const text = "  501  20480   0:01.25 Mon Nov 23 10:00:00 2026\n 1502   1024 101:02.50 Mon Nov 23 11:30:00 2026\n";
    expect(parsePs(text)).toMatchObject([
      { pid: 501, rssBytes: 20_971_520, cpuSeconds: 1.25, startMark: "Mon Nov 23 10:00:00 2026" },
      { pid: 1502, rssBytes: 1_048_576, cpuSeconds: 6_062.5 },
    ]);
  });

  it("reads hours and days", () => {
    expect(parsePs("7 1 01:02:03 Mon Nov 23 10:00:00 2026\n8 1 2-00:00:01 Mon Nov 23 10:00:00 2026")).toMatchObject([
      { cpuSeconds: 3_723 },
      { cpuSeconds: 172_801 },
    ]);
  });

  it("has nothing for processes that have ended", () => {
    expect(parsePs("")).toEqual([]);
  });
});
