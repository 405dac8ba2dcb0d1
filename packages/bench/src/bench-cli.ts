/** `pnpm bench …`: the commands by name. What they take and do is elsewhere, and loaded when it is called. */
import { basename } from "node:path";
import { Command, CommanderError } from "commander";
import { BENCH_VERSION } from "./bench-version.ts";
import type { Surroundings } from "./compare/compare-command.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

type AddCommand = (program: Command, surroundings: Surroundings, end: (code: ExitCode) => void) => void;

/** In the order of the help. All of them together take over a second of CPU to load, so one that is named is loaded alone. */
const COMMANDS: Record<string, () => Promise<AddCommand>> = {
  compare: async () => (await import("./compare/compare-command.ts")).addCompareCommand,
  ladder: async () => (await import("./ladder/ladder-command.ts")).addLadderCommand,
  calibrate: async () => (await import("./calibrate/calibrate-command.ts")).addCalibrateCommand,
  run: async () => (await import("./compare/run-command.ts")).addRunCommand,
  search: async () => (await import("./compare/search-command.ts")).addSearchCommand,
  linearity: async () => (await import("./compare/linearity-command.ts")).addLinearityCommand,
  conformance: async () => (await import("./conformance/conformance-command.ts")).addConformanceCommand,
  primitives: async () => (await import("./primitives/primitives-command.ts")).addPrimitivesCommand,
  engines: async () => (await import("./engines/engines-command.ts")).addEnginesCommand,
  connections: async () => (await import("./connections/connections-command.ts")).addConnectionsCommand,
  density: async () => (await import("./density/density-command.ts")).addDensityCommand,
  faults: async () => (await import("./faults/faults-command.ts")).addFaultsCommand,
  fleet: async () => (await import("./fleet/fleet-command.ts")).addFleetCommand,
  sizes: async () => (await import("./sizes/sizes-command.ts")).addSizesCommand,
  diff: async () => (await import("./diff/diff-command.ts")).addDiffCommand,
  doctor: async () => (await import("./doctor/doctor-command.ts")).addDoctorCommand,
  profile: async () => (await import("./profile/profile-command.ts")).addProfileCommand,
  report: async () => (await import("./report/report-command.ts")).addReportCommand,
  analysis: async () => (await import("./analysis/analysis-command.ts")).addAnalysisCommand,
  gpu: async () => (await import("./gpu-sharing/gpu-command.ts")).addGpuCommand,
  bytes: async () => (await import("./bytes/bytes-command.ts")).addBytesCommand,
  worker: async () => (await import("./hosts/worker-command.ts")).addWorkerCommand,
};

/** As it was called: `pnpm bench` in a checkout, `npx hubscale` where it is installed. */
const calledAs = basename(process.argv[1] ?? "").startsWith("hubscale") ? "hubscale" : "bench";

const program = new Command(calledAs)
  .description("Measures when a task hub for LLM agents should be repaired, given machines, or distributed.")
  .version(BENCH_VERSION)
  .showHelpAfterError("(--help shows all options)")
  .showSuggestionAfterError()
  .exitOverride();

const surroundings = { stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd() };
const end = (code: ExitCode) => {
  process.exitCode = code;
};
// `| head` has read enough: as SIGPIPE would for other programs, but what was started is ended first.
process.stdout.once("error", (error: NodeJS.ErrnoException) => {
  process.stdout.on("error", () => undefined);
  if (error.code !== "EPIPE") throw error;
  process.kill(process.pid, "SIGTERM");
});

/** At once: Node 20 may spin for ever in its own clean-up of handles (CleanupHandles) after connections were reset. */
const endAtOnce = (code: ExitCode) => process.exit(code);

const named = process.argv[2] ?? "";
for (const name of Object.hasOwn(COMMANDS, named) ? [named] : Object.keys(COMMANDS)) {
  const add = await COMMANDS[name]?.();
  add?.(program, surroundings, name === "faults" ? endAtOnce : end);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
