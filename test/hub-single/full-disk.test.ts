/** A disk that fills up under a hub: a file system of a few megabytes, which the test makes where it may. */
import { execFileSync } from "node:child_process";
import { describe, it } from "vitest";
import { type Ended, HubProcess, temporaryFolder } from "./hub-process.ts";

const SUBMITTED_AT_ONCE = 16;
const DESCRIPTION = "x".repeat(10_000);

const canMount = process.platform === "linux" && process.getuid?.() === 0;
if (!canMount) console.log("full-disk.test.ts: needs root on Linux, to make a small file system; skipped");

describe.skipIf(!canMount).each(["reference", "tuned"] as const)("the %s hub on a full disk", (profile) => {
  it("acknowledges nothing that it cannot keep, says why it ends, and has all that it acknowledged when there is room", async ({
    expect,
    onTestFinished,
  }) => {
    const folder = await temporaryFolder();
    onTestFinished(() => folder.remove());
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", folder.path]);
    onTestFinished(() => void execFileSync("umount", [folder.path]));
    const start = () => HubProcess.ready(["--data", folder.path, "--profile", profile]);

    const hub = await start();
    onTestFinished(() => void hub.kill("SIGKILL"));
    const token = await hub.register("submitter");
    const acknowledged: string[] = [];
    const refusals: number[] = [];
    const submitWhileThereIsRoom = async () => {
      while (refusals.length === 0) {
        const answer = await hub.call("POST", "/api/tasks", { token, body: { description: DESCRIPTION } });
        if (answer.status === 201) acknowledged.push(answer.body["task_id"] as string);
        else refusals.push(answer.status);
      }
    };
    await Promise.allSettled(Array.from({ length: SUBMITTED_AT_ONCE }, submitWhileThereIsRoom));
    const ended: Ended = await hub.ended;
    expect(ended).toMatchObject({ code: 1, signal: null, stderr: expect.stringContaining("No space left on device") });
    expect(ended.stderr).not.toMatch(/^\s+at /m);
    expect(refusals.filter((status) => status < 500)).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(20);

    execFileSync("mount", ["-o", "remount,size=64m", folder.path]);
    const again = await start();
    onTestFinished(() => void again.kill("SIGKILL"));
    const found = await Promise.all(acknowledged.map((id) => again.call("GET", `/api/tasks/${id}`, { token })));
    expect(found.filter(({ status }) => status !== 200)).toEqual([]);
    expect(await again.kill("SIGTERM")).toMatchObject({ code: 0 });
  });
});
