/** `bench conformance` as a user runs it, against hubs that it did not start. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HubEdge } from "@hubscale/hub-runtime";
import { startMemoryHub } from "@hubscale/hub-runtime/testing";
import { afterEach, describe, expect, it } from "vitest";
import { runBench } from "../compare/bench-program.ts";
import { temporaryFolder } from "../hub-single/hub-process.ts";

const hubs: HubEdge[] = [];

async function start(options: Parameters<typeof startMemoryHub>[0] = {}): Promise<HubEdge> {
  const hub = await startMemoryHub(options);
  hubs.push(hub);
  return hub;
}

afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.close();
});

const against = (hub: HubEdge, ...flags: string[]) =>
  runBench(["conformance", "--target", hub.wsUrl, "--http", hub.httpUrl, ...flags]);

describe("bench conformance", () => {
  it("passes a hub that speaks the wire, and says row by row what it tried", async () => {
    const { code, stdout, stderr } = await against(await start());
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("GET /health\n  passed          health is public\n");
    expect(stdout).toMatch(/not applicable {2}submissions beyond the heavy tier.*\n {6}this hub runs without rate limits/);
    expect(stdout).toMatch(/\d+ passed, 0 failed, 2 not applicable, in \d+\.\d s\n$/);
  });

  it("names what differs, and ends with 1", async () => {
    // A hub that cuts every client off as soon as there is more than one frame for it to read.
    const other = await start({ maxBufferedBytes: -1 });
    const { code, stdout } = await against(other, "--only", "status goes to every agent");
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAILED .*a status goes to every agent, the sender too\n {6}\S+/);
  });

  it("gives JSON, of the chosen cases only", async () => {
    const { code, stdout } = await against(await start(), "--only", "GET /health", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: "hubscale.conformance/1",
      hub: { node: "memory-1" },
      cases: [{ covers: "GET /health", status: "passed", detail: "" }],
      passed: 1,
      failed: 0,
      notApplicable: 0,
    });
  });

  it("uses the operator's token where registration wants one, and says so where it has none", async () => {
    const token = "0f".repeat(32);
    const hub = await start({ registration: { mode: "token", token } });
    const without = await against(hub, "--only", "401");
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining("give --token-file FILE") });
    const folder = await temporaryFolder();
    await writeFile(join(folder.path, "token"), `${token}\n`);
    expect((await against(hub, "--token-file", join(folder.path, "token"))).code).toBe(0);
    await folder.remove();
  });

  it("says that nothing can be tried where registration is closed", async () => {
    const ended = await against(await start({ registration: { mode: "closed" } }));
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("registration is closed") });
  });
});
