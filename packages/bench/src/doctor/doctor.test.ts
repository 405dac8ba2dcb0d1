import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { conclusion, renderFindings } from "./doctor-report.ts";
import { type Finding, missing, note, ok, optional } from "./finding.ts";
import {
  coresFinding,
  diskFinding,
  loadFinding,
  loopbackFinding,
  nodeFinding,
  openFilesFinding,
  quotaFinding,
} from "./machine-findings.ts";

const dir = mkdtempSync(join(tmpdir(), "doctor-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

const disk = { filesystem: "ext4", device: "/dev/x", syncMsP50: 1, syncMsP99: 3, syncMsMean: 1.2, n: 500 };

test.each<[string, Finding, Finding["state"], RegExp]>([
  ["an old Node", nodeFinding("v18.20.0"), "missing", /20\.19 or newer/],
  ["a new Node", nodeFinding("v24.1.0"), "ok", /^$/],
  ["one core", coresFinding({ cpus: 8, cpuLimitCores: 1 }), "note", /2 cores/],
  ["two cores", coresFinding({ cpus: 2, cpuLimitCores: null }), "ok", /^$/],
  ["a busy machine", loadFinding({ loadAverage1Min: 1.8, cpus: 2 }), "note", /stop them/],
  ["a quiet machine", loadFinding({ loadAverage1Min: 0.1, cpus: 2 }), "ok", /^$/],
  ["no quotas", quotaFinding({ kind: "none", how: "cgroup-v2: EACCES" }), "note", /Delegate=yes|Linux/],
  ["a disk in memory", diskFinding("/x", { ...disk, filesystem: "tmpfs" }), "missing", /TMPDIR/],
  ["a disk that is too fast", diskFinding("/x", { ...disk, syncMsP50: 0.002 }), "note", /--fsync-floor-ms/],
  ["a disk", diskFinding("/x", disk), "ok", /^$/],
])("%s", (_, finding, state, remedy) => {
  expect(finding.state).toBe(state);
  expect(finding.remedy).toMatch(remedy);
});

test("a low limit of open files says how many agents that is", () => {
  const file = join(dir, "limits");
  writeFileSync(
    file,
    "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n",
  );
  expect(openFilesFinding(file)).toMatchObject({
    state: "note",
    found: "1024",
    means: expect.stringMatching(/about 724 agents/),
  });
  expect(openFilesFinding(join(dir, "none"))).toBeUndefined();
});

test("here a server can listen on the loopback", async () => {
  expect((await loopbackFinding()).state).not.toBe("missing");
});

test("the table gives the remedy beneath what it is for, and the conclusion names the topics", () => {
  const findings = [ok("a", "fine"), note("b", "so so", "restricted", "do this"), optional("c", "none", "", "")];
  expect(renderFindings(findings)).toMatch(/note +b +so so\n +restricted\n +→ do this/);
  expect(conclusion(findings)).toMatch(/with restrictions: see b\.$/);
  expect(conclusion([ok("a", "")])).toBe("Everything can be measured here.");
  expect(conclusion([...findings, missing("d", "", "", "")])).toMatch(/^Not everything.*see d\.$/);
});
