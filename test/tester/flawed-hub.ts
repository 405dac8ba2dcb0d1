/** Hubs that break the rules, as programs of their own, and `bench run` on them. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { HubResult } from "hubscale";
import { expect, onTestFinished } from "vitest";
import { runBench } from "../compare/bench-program.ts";

export interface FlawedHub {
  ws: string;
  http: string;
  pid: number;
}

/** Until the end of the test. */
export async function flawedHub(flaws: Record<string, number>): Promise<FlawedHub> {
  const program = fileURLToPath(new URL("./flawed-hub.mjs", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [program, JSON.stringify(flaws)], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const line = await new Promise<string>((resolve) => child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString())));
  return JSON.parse(line) as FlawedHub;
}

export async function runOn(
  hub: FlawedHub,
  ...flags: string[]
): Promise<{ code: number | null; hub: HubResult; stderr: string }> {
  const { code, stdout, stderr } = await runBench([
    "run",
    "--target",
    hub.ws,
    "--http",
    hub.http,
    "--pid",
    String(hub.pid),
    "--json",
    "--no-progress",
    ...flags,
  ]);
  expect(stdout, stderr).not.toBe("");
  return { code, stderr, hub: (JSON.parse(stdout) as { hub: HubResult }).hub };
}

/** Not what is tested: a machine that is busy with something else must not end the trial. */
export const PATIENT = ["--slo", "assign.p99 < 5s"];
