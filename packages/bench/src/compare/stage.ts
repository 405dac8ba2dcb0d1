/** What any measuring needs around it: the hubs at the start line, their quotas, the environment, and a clean end. */
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InputFileError } from "@hubscale/hub-runtime/files";
import { formatHubId, type HubSpec, parseHubId } from "../drivers/index.ts";
import { failureLines } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Hosts, loadHosts } from "../hosts/hosts-file.ts";
import { hostsInWords } from "../hosts/hosts-in-words.ts";
import { WorkerPlacement } from "../hosts/worker-placement.ts";
import { Workers } from "../hosts/workers.ts";
import { type CpuIsolation, noIsolation, openCpuIsolation } from "../isolation/cpu-quota.ts";
import { type EnvironmentFingerprint, ProcessCare, readEnvironment } from "../machine/index.ts";
import { readTokens, writeTokens } from "../load/token-file.ts";
import { parseSlo, type Slo } from "../measure/slo.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { loadWorkload, type Workload } from "../workload/workload.ts";
import type { Surroundings } from "./compare-command.ts";
import { enterHub, type ExternalHub } from "./enter-hub.ts";
import type { Entrant } from "./entrant.ts";
import { type Progress, progressOn, silentProgress } from "./progress.ts";

export interface StageOptions {
  workload: string;
  slo?: Slo;
  durability: "fsync" | "process";
  isolation: "auto" | "cgroup" | "none";
  cores?: number;
  /** 0: the disk as it is. */
  fsyncFloorMs: number;
  /** Queue shards of the sharded hubs; default: the program's own. */
  shards?: number;
  seed: number;
  progress: boolean;
  /** Of `external`. */
  target?: string;
  http?: string;
  pid?: number[];
  tokenFile?: string;
  /** A hosts file: hubs and load run on other machines. */
  hosts?: string;
}

/** What is known before a hub is started. */
export interface StageFacts {
  progress: Progress;
  isolation: CpuIsolation;
  /** Quota of each machine, in cores; null: none. */
  coresPerMachine: number | null;
  environment: EnvironmentFingerprint;
  slo: Slo;
}

export interface Stage extends StageFacts {
  /** With `hosts`: the machines of the workers. */
  environment: EnvironmentFingerprint & { hosts?: Workers["machines"] };
  care: ProcessCare;
  workload: Workload;
  entrants: Entrant[];
  /** One more hub, for which the quotas were not laid out. */
  enter(spec: HubSpec, workload: Workload): Promise<Entrant>;
}

/** Everything that can be checked before anything is started; the problems are for exit code 2. */
export function planStage(
  hubs: readonly string[],
  { target, http, workload, hosts: hostsFile, cores, isolation }: StageOptions,
): ({ ok: true } & StagePlan) | { ok: false; problems: string[] } {
  const ids = target !== undefined && !hubs.includes("external") ? [...hubs, "external"] : hubs;
  const parsed = ids.map((id) => parseHubId(id));
  const problems = parsed.flatMap((hub) => (hub.ok ? [] : [hub.problem]));
  if (ids.length === 0) problems.push("--hubs names no hub");
  if (ids.includes("external") && target === undefined) {
    problems.push("the hub id external needs --target ws://…/ws (and --http http://…, where it is another address)");
  }
  if (target !== undefined && !isUrl(target, ["ws:", "wss:"])) problems.push(`--target: '${target}' is no ws:// address`);
  if (http !== undefined && !isUrl(http, ["http:", "https:"])) problems.push(`--http: '${http}' is no http:// address`);
  const hosts = hostsFile === undefined ? undefined : loadHosts(hostsFile);
  if (hosts && !hosts.ok) problems.push(...hosts.problems);
  if (hosts && (cores !== undefined || isolation === "cgroup")) {
    problems.push(
      "--hosts: the machines are real ones, and CPU quotas stand in for machines; leave --cores and --isolation away",
    );
  }
  const loaded = loadWorkload(workload);
  if (!loaded.ok) problems.push(...loaded.problems);
  if (problems.length > 0 || !loaded.ok) return { ok: false, problems };
  const specs = parsed.flatMap((hub) => (hub.ok ? [hub.spec] : []));
  return { ok: true, specs, workload: loaded.workload, ...(hosts?.ok && { hosts: hosts.hosts }) };
}

export interface StagePlan {
  specs: HubSpec[];
  workload: Workload;
  hosts?: Hosts;
}

/** `prepare` may end it with an exit code. Then starts the hubs, hands them to `run`, and ends whatever was started, also after an error. */
export async function onStage(
  plan: StagePlan,
  options: StageOptions,
  { stderr, env, cwd, prepare }: Surroundings & { prepare?: (facts: StageFacts) => ExitCode | undefined },
  run: (stage: Stage) => Promise<ExitCode>,
): Promise<ExitCode> {
  const fail = (...lines: string[]) => {
    for (const line of lines) stderr.write(`hubscale: ${line}\n`);
    return EXIT.error;
  };
  const { specs, workload, hosts } = plan;
  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  try {
    const isolation = hosts
      ? noIsolation(hostsInWords(hosts))
      : options.isolation === "none"
        ? noIsolation("switched off with --isolation none")
        : openCpuIsolation(process.pid);
    if (isolation.kind === "none" && options.isolation === "cgroup") {
      return fail(`--isolation cgroup: ${isolation.how}; use --isolation none to measure without quotas`);
    }
    const sourceFolder = fileURLToPath(new URL("..", import.meta.url));
    const environment = readEnvironment({ dataFolder: care.temporaryFolder("measure"), sourceFolder });
    const slo = options.slo ?? (parseSlo(workload.slo) as Slo);
    const ours = specs.filter((spec) => spec.kind !== "external");
    const coresPerMachine =
      isolation.kind === "none" || ours.length === 0
        ? null
        : (options.cores ?? coresForEachMachine(ours, environment.cpuLimitCores ?? environment.cpus));
    const ended = prepare?.({ progress, isolation, coresPerMachine, environment, slo });
    if (ended !== undefined) return ended;
    const external = await externalHubOf(options, cwd);
    const sources = serverSourcesOf(env);
    const tell = (line: string) => progress.say(line);
    const workers = hosts && (await Workers.open({ hosts, care, sources, tell, commit: environment.commit }));
    const load = hosts?.load ?? null;
    const elsewhere = workers && {
      placement: new WorkerPlacement(workers),
      ...(load !== null && { openGenerator: () => workers.link(load).startGenerator() }),
    };
    const entrants: Entrant[] = [];
    const enter = (spec: HubSpec, its: Workload) =>
      enterHub({
        ...options,
        spec,
        id: formatHubId(spec),
        care,
        sources,
        isolation,
        coresPerMachine: spec.kind === "external" ? null : coresPerMachine,
        workload: its,
        slo,
        ...(external && { external }),
        ...elsewhere,
        tell,
      });
    progress.at(0, `starting ${specs.map(formatHubId).join(", ")}`);
    const entering = Promise.all(specs.map((spec) => enter(spec, workload)));
    entrants.push(...(await (workers ? Promise.race([entering, workers.lost]) : entering)));
    // After the hubs: hooks run last added first, and a CPU group can only go when its processes have.
    care.atEnd(async () => {
      await Promise.all(entrants.map((entrant) => (entrant.ready ? entrant.stop() : undefined)));
      isolation.close();
    });
    const facts = { progress, isolation, coresPerMachine, slo };
    const stage = { ...facts, environment: { ...environment, ...(workers && { hosts: workers.machines }) } };
    const running = run({ ...stage, care, workload, entrants, enter });
    return await (workers ? Promise.race([running, workers.lost]) : running);
  } catch (error) {
    progress.done();
    // What fails because the program was told to end is no failure worth telling.
    if (care.ending) return EXIT.error;
    const code = fail(...failureLines(error));
    return error instanceof InputFileError ? EXIT.usage : code;
  } finally {
    await care.close();
  }
}

async function externalHubOf(options: StageOptions, cwd: string): Promise<ExternalHub | undefined> {
  const { target, tokenFile, pid } = options;
  if (target === undefined) return undefined;
  const file = tokenFile === undefined ? undefined : resolve(cwd, tokenFile);
  const known = file === undefined ? new Map<string, string>() : await readTokens(file);
  return {
    ws: target,
    http: options.http ?? new URL(target.replace(/^ws/, "http")).origin,
    pids: pid ?? [],
    // With a token file the same agents come back; without one their names must be new to the hub.
    prefix: file === undefined ? `bench-${randomBytes(4).toString("hex")}` : "bench",
    known,
    keep: (tokens) => (file === undefined ? Promise.resolve() : writeTokens(file, tokens)),
  };
}

/** The largest share, in steps of 0.05, that the machines of the largest hub can have at once beside the load generator. */
export function coresForEachMachine(specs: readonly HubSpec[], cpus: number): number {
  const machines = Math.max(...specs.map((spec) => (spec.kind === "sharded" ? spec.nodes + spec.servers : 1)));
  const share = Math.floor(((cpus - GENERATOR_CORES) / machines) * 20) / 20;
  return Math.min(1, Math.max(LEAST_CORES, share));
}

/** Kept free for the load generator and for this program. */
const GENERATOR_CORES = 0.5;
/** Below this the throttling itself eats a good part of what is left. */
const LEAST_CORES = 0.2;

function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol);
}

/** Where the results of a run go, if nobody says. */
export function resultsFolder(out: string | undefined, cwd: string, startedAt: Date): string {
  return resolve(cwd, out ?? join("hubscale-results", startedAt.toISOString().replaceAll(":", "-").slice(0, 19)));
}
