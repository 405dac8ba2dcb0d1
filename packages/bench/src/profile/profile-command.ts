/** `bench profile HUB`: where a hub's time and memory go, under load, for a person to look at. Nothing of it is a measurement. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { parseHubId } from "../drivers/index.ts";
import { failOn, failureLines } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ProcessCare } from "../machine/index.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { unwritable } from "../results/stored-result.ts";
import { loadWorkload } from "../workload/workload.ts";
import { CLINIC_VERSION, provideClinic } from "./clinic.ts";
import { profileOnce, type Profiled } from "./profile-run.ts";
import { needsClinic, PROFILE_TOOLS, type ProfileTool, USUAL_TOOLS } from "./profile-tool.ts";

export interface ProfileOptions {
  tools: ProfileTool[];
  workload: string;
  inFlight: number;
  seconds: number;
  seed: number;
  durability: "fsync" | "process";
  out?: string;
  json: boolean;
}

export function addProfileCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("profile")
    .description("run a hub under load and a profiler: pages, profiles and a list of its functions")
    .argument("<hub>", "hub id; of several nodes the first is profiled")
    .option("--tools <list>", `of ${PROFILE_TOOLS.join(", ")}; cpu and heap are V8's own, the others Clinic's`, tools, [
      ...USUAL_TOOLS,
    ])
    .option("--workload <name|file>", "who is connected and what a task is", "steady")
    .option("--in-flight <n>", "tasks that are under way at any time", positive, 32)
    .option("--seconds <n>", "of load, for each tool", positive, 10)
    .option("--seed <n>", "for work times", positive, 1)
    .option("--durability <level>", "fsync or process", durability, "fsync")
    .option("--out <dir>", "where the files go; default: hubscale-results/profile-<time>")
    .option("--json", "print what was written as JSON on stdout", false)
    .action(async (hub: string, options: ProfileOptions) => end(await profileCommand(hub, options, surroundings)));
}

/** 0 when every tool left something or could not be had with a reason; 1 when none did. */
export async function profileCommand(
  hubId: string,
  options: ProfileOptions,
  { stdout, stderr, env, cwd }: Surroundings,
): Promise<ExitCode> {
  const fail = failOn(stderr);
  const hub = parseHubId(hubId);
  if (!hub.ok) return fail(EXIT.usage, hub.problem);
  if (hub.spec.kind === "external") return fail(EXIT.usage, "a hub that runs elsewhere cannot be put under a profiler");
  const loaded = loadWorkload(options.workload);
  if (!loaded.ok) return fail(EXIT.usage, ...loaded.problems);
  const name = `profile-${new Date().toISOString().replaceAll(":", "-").slice(0, 19)}`;
  const out = resolve(cwd, options.out ?? join("hubscale-results", name));
  const problem = unwritable(out);
  if (problem !== undefined) return fail(EXIT.error, `cannot write to ${out}: ${problem}; choose another folder with --out`);

  const care = new ProcessCare({ handleSignals: true });
  const tell = (line: string) => void stderr.write(`${line}\n`);
  try {
    const sources = serverSourcesOf(env);
    const found = options.tools.some(needsClinic) ? await provideClinic(sources.cacheFolder, care, tell) : undefined;
    const clinic = found && "module" in found ? found : undefined;
    if (found && "reason" in found) tell(`no clinic ${CLINIC_VERSION}: ${found.reason}\nV8's own profiles are taken instead`);
    const wanted = clinic
      ? options.tools
      : [...new Set([...options.tools.filter((tool) => !needsClinic(tool)), "cpu" as const])];
    const done: Profiled[] = [];
    const missed: { tool: ProfileTool; reason: string }[] = [];
    for (const tool of wanted) {
      tell(`${hubId} under ${tool}: ${options.seconds} s of load`);
      const common = { spec: hub.spec, workload: loaded.workload, care, sources, clinic, tell };
      // A tool under which the hub does not start is that tool's failure, unless it is all that was asked for.
      const outcome = await profileOnce({ ...options, ...common, tool, folder: join(out, tool) }).catch((error: unknown) => {
        if (care.ending) throw error;
        return { reason: (error as Error).message.trimEnd() };
      });
      if ("reason" in outcome) missed.push({ tool, reason: outcome.reason });
      else done.push(outcome);
    }
    const topFile = join(out, "top-functions.txt");
    const tops = done.flatMap(({ top }) => top ?? []).join("\n");
    if (tops !== "") writeFileSync(topFile, tops);
    const report = { schema: "hubscale.profile/1", hub: hubId, out, done, missed };
    stdout.write(options.json ? `${JSON.stringify(report)}\n` : textOf(done, missed, tops));
    if (tops !== "") tell(`wrote ${topFile}`);
    if (done.length === 0) return EXIT.error;
    return done.every(({ clean }) => clean) ? EXIT.ok : EXIT.invalid;
  } catch (error) {
    return care.ending ? EXIT.error : fail(EXIT.error, ...failureLines(error));
  } finally {
    await care.close();
  }
}

function textOf(done: readonly Profiled[], missed: readonly { tool: ProfileTool; reason: string }[], tops: string): string {
  return [
    tops,
    ...done.map(
      ({ tool, files, tasksPerSec }) =>
        `${tool}: ${files.join(", ")} (at ${Math.round(tasksPerSec)} tasks/s, slowed by the profiler)`,
    ),
    ...missed.map(({ tool, reason }) => `${tool}: nothing, ${reason}`),
    "",
  ].join("\n");
}

function tools(text: string): ProfileTool[] {
  const names = text.split(",").map((each) => each.trim());
  const wrong = names.filter((each) => !PROFILE_TOOLS.some((tool) => tool === each));
  if (wrong.length > 0) throw new InvalidArgumentError(`'${wrong.join(", ")}' is none; there are ${PROFILE_TOOLS.join(", ")}.`);
  return PROFILE_TOOLS.filter((tool) => names.includes(tool));
}

function durability(text: string): "fsync" | "process" {
  if (text !== "fsync" && text !== "process") throw new InvalidArgumentError("give fsync or process.");
  return text;
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("give a whole number from 1 to 999999.");
  return Number(text);
}
