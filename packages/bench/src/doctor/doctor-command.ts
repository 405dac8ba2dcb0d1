/** `bench doctor`: what this machine can and cannot measure, each with its remedy. */
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { openCpuIsolation } from "../isolation/cpu-quota.ts";
import { ProcessCare, readEnvironment } from "../machine/index.ts";
import { CLINIC_VERSION, installedClinic } from "../profile/clinic.ts";
import { type ServerSources, serverSourcesOf } from "../provisioning/index.ts";
import { conclusion, renderFindings } from "./doctor-report.ts";
import { type Finding, ok, optional } from "./finding.ts";
import {
  accountingFinding,
  coresFinding,
  diskFinding,
  loadFinding,
  loopbackFinding,
  nodeFinding,
  openFilesFinding,
  priorityFinding,
  quotaFinding,
  spaceFinding,
} from "./machine-findings.ts";
import { chromiumFinding, dockerFinding, erlangFinding, natsFinding, redisFinding } from "./program-findings.ts";

export interface DoctorOptions {
  offline: boolean;
  json: boolean;
}

export function addDoctorCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("doctor")
    .description("what this machine can and cannot measure, each with its remedy")
    .option("--offline", "download nothing: servers only from their URL, the PATH or Docker", false)
    .option("--json", "print the findings as JSON on stdout", false)
    .action(async (options: DoctorOptions) => end(await doctorCommand(options, surroundings)));
}

/** 0 whatever is found; 1 when the looking itself failed. */
export async function doctorCommand(options: DoctorOptions, { stdout, stderr, env }: Surroundings): Promise<ExitCode> {
  const care = new ProcessCare({ handleSignals: true });
  try {
    const sources = serverSourcesOf(env);
    const findings = await allFindings(care, {
      sources: options.offline ? { ...sources, origins: sources.origins.filter((origin) => origin !== "debian") } : sources,
      tell: (line) => stderr.write(`${line}\n`),
    });
    const report = { schema: "hubscale.doctor/1", findings, conclusion: conclusion(findings) };
    stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${renderFindings(findings)}\n`);
    return EXIT.ok;
  } catch (error) {
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    await care.close();
  }
}

async function allFindings(
  care: ProcessCare,
  { sources, tell }: { sources: ServerSources; tell: (line: string) => void },
): Promise<Finding[]> {
  const folder = care.temporaryFolder("doctor");
  const environment = readEnvironment({ dataFolder: folder, sourceFolder: fileURLToPath(new URL("..", import.meta.url)) });
  const isolation = openCpuIsolation(process.pid);
  isolation.close();
  const openFiles = openFilesFinding();
  const request = { care, sources, durability: "fsync" as const, tell };
  return [
    nodeFinding(environment.node),
    coresFinding(environment),
    loadFinding(environment),
    quotaFinding(isolation),
    priorityFinding(),
    accountingFinding(),
    diskFinding(folder, environment.dataDisk),
    spaceFinding(folder),
    ...(openFiles ? [openFiles] : []),
    await loopbackFinding(),
    await redisFinding(request),
    await natsFinding(request),
    dockerFinding(),
    await erlangFinding(request),
    chromiumFinding(sources.path),
    clinicFinding(sources.cacheFolder),
  ];
}

function clinicFinding(cacheFolder: string): Finding {
  const clinic = installedClinic(cacheFolder);
  if (clinic) return ok("clinic", clinic.version);
  const means = "only `bench profile` uses it: it fetches it on its first run, or takes V8's own profile";
  return optional("clinic", "not installed", means, `npm install clinic@${CLINIC_VERSION}, if you want it in your project`);
}
