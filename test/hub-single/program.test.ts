/** The program: how it starts, how it refuses to, and how it ends. */
import { once } from "node:events";
import { readdir, truncate, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HubProcess, type TemporaryFolder, temporaryFolder } from "./hub-process.ts";

let folder: TemporaryFolder;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(() => folder.remove());

describe("the single hub's program", () => {
  it.each([
    ["reference", "SIGTERM"],
    ["tuned", "SIGINT"],
  ] as const)("as %s says what it is, and drains on %s", async (profile, signal) => {
    const hub = await HubProcess.ready(["--data", folder.path, "--profile", profile, "--seed-completed-rows", "300"]);
    const { body } = await hub.call("GET", "/api/describe");
    expect(body).toMatchObject({ hub: "single", details: { profile, rows: { completed: 300 }, queuedPasses: 0 } });
    expect((body["details"] as { fileBytes: number }).fileBytes).toBeGreaterThan(300 * 1_000);
    expect(await hub.kill(signal)).toMatchObject({ code: 0, signal: null });
  });

  it("drains when its parent's end of stdin closes", async () => {
    const hub = await HubProcess.ready(["--data", folder.path]);
    hub.child.stdin?.end();
    expect(await hub.ended).toMatchObject({ code: 0 });
  });

  it("lets no second hub into its folder", async () => {
    const hub = await HubProcess.ready(["--data", folder.path]);
    const second = await HubProcess.start(["--data", folder.path]);
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining("in use by another hub") });
    await hub.kill("SIGTERM");
  });

  it.each([
    [["--profile", "fast"], "--profile must be"],
    [["--fix", "C1"], "--fix adds single fixes"],
    [["--nonsense"], "--nonsense"],
    [["--rate-limits", "/"], "cannot read /: it is a folder, not a file"],
    [["--registration", "token", "--registration-token-file", "/dev/null"], "/dev/null is empty"],
  ])("refuses %j with exit 2 and one line", async (flags, message) => {
    const ended = await HubProcess.start(["--data", folder.path, ...flags]);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect((ended as { stderr: string }).stderr.trim().split("\n")).toHaveLength(1);
  });

  it("says so when its folder cannot be made", async () => {
    await writeFile(join(folder.path, "file"), "");
    const ended = await HubProcess.start(["--data", join(folder.path, "file", "data")]);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot be used") });
  });

  it("says so when its store is damaged", async () => {
    const hub = await HubProcess.ready(["--data", folder.path, "--seed-completed-rows", "10"]);
    await hub.kill("SIGTERM");
    const manifest = (await readdir(join(folder.path, "leveldb"))).find((name) => name.startsWith("MANIFEST"));
    await truncate(join(folder.path, "leveldb", manifest as string), 3);
    const ended = await HubProcess.start(["--data", folder.path]);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("damaged") });
  });

  it("says so when its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const ended = await HubProcess.start(["--data", folder.path, "--port", String((other.address() as AddressInfo).port)]);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("EADDRINUSE") });
    other.close();
  });
});
