import { openFileLimit } from "@hubscale/hub-runtime/open-files";
import { type Clock, roomForAgents, type Tokens } from "@hubscale/sidecar-sim";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type FreeRunState, runFreely } from "./free-run.ts";
import { awaitEndpoints } from "../staged-fleet/await-endpoints.ts";
import { plannedTaskBody } from "../staged-fleet/planned-task.ts";
import { StagedFleet } from "../staged-fleet/staged-fleet.ts";
import type { FailureCode } from "./generator-protocol.ts";
import { LoadGenerator } from "./load-generator.ts";
import { ProcessFleet } from "./process-fleet.ts";
import type { SimSettings } from "./sim-flags.ts";
import { ProcessWatch } from "./process-load.ts";
import { connectedLine, progressLine, summaryLines, timeScaleNotes } from "./sim-report.ts";
import { taskBody } from "./task-body.ts";
import { readTokens, writeTokens } from "./token-file.ts";

export interface SimSurroundings {
  clock: Clock;
  /** Aborted by Ctrl-C: submissions stop, open tasks get a moment, then all is closed. */
  signal: AbortSignal;
  freshPrefix(): string;
  /** For `--claude-url`. */
  claudeApiKey: string | undefined;
  /** A line for the person who waits (stderr), and one of the result (stdout). */
  say(line: string): void;
  print(line: string): void;
}

const LINE_EVERY_MS = 5_000;
const CONNECT_WITHIN_MS = 120_000;
/** How long open tasks are waited for at the end; a fleet's tasks take their time. */
const DRAIN_LIMIT_MS = 5_000;
const FLEET_DRAIN_LIMIT_MS = 30_000;
/** A hub looks at its endpoints every 30 s. */
const ENDPOINTS_WITHIN_MS = 40_000;

/**
 * `pnpm sim`. Resolves to the exit code: 0; 1, or 2 for a token file, with one line that says what is wrong and what to do; 4 when the hub broke a guarantee,
 * or could not be asked whether it did.
 */
export async function runSim(settings: SimSettings, around: SimSurroundings): Promise<ExitCode> {
  let staged: StagedFleet | undefined;
  try {
    staged = await stageFleet(settings, around);
  } catch (error) {
    around.say(`sim: cannot start the fleet: ${(error as Error).message}`);
    return EXIT.error;
  }
  for (const line of staged?.describe() ?? []) around.say(`sim: ${line}`);
  try {
    return await runAgents(settings, around, staged);
  } finally {
    await staged?.close();
  }
}

async function stageFleet(settings: SimSettings, { clock, claudeApiKey }: SimSurroundings): Promise<StagedFleet | undefined> {
  if (!settings.fleet) return undefined;
  const { seed, timeScale, ws: hubWsUrls, claudeUrl: url } = settings;
  const claude = url === undefined ? undefined : { url, apiKey: claudeApiKey ?? "" };
  return StagedFleet.start({ ...settings.fleet, seed, timeScale, hubWsUrls, clock, claude });
}

async function runAgents(settings: SimSettings, around: SimSurroundings, staged: StagedFleet | undefined): Promise<ExitCode> {
  const prefix = settings.prefix ?? around.freshPrefix();
  const room = roomForAgents({ agents: settings.agents, processes: Math.max(1, settings.processes) }, openFileLimit());
  if (!room.ok) {
    around.say(
      `sim: ${settings.agents} agents need ${room.needed} open files in a process, and this system allows ${room.limit}: use --processes ${room.processes}, or raise the limit (ulimit -n)`,
    );
    return EXIT.error;
  }
  for (const note of timeScaleNotes(settings.timeScale)) around.say(`sim: ${note}`);
  let known: Tokens = new Map();
  if (settings.tokenFile !== undefined) {
    try {
      known = await readTokens(settings.tokenFile);
    } catch (error) {
      around.say(`sim: cannot use the token file: ${(error as Error).message}`);
      return EXIT.usage;
    }
  }
  around.say(`sim: ${settings.agents} agents ${prefix}-0… to ${settings.ws.join(", ")}`);
  let watch: ProcessWatch | undefined;
  const connected = await LoadGenerator.connect(
    {
      ws: settings.ws,
      http: settings.http,
      agents: settings.agents,
      seed: settings.seed,
      behaviour: {
        workTime: settings.workTime,
        progress: settings.progress ? { tokensPerSec: 40, model: "simulated" } : null,
        failure: { share: settings.failShare, as: "failed" },
        outputChars: 200,
      },
      timeScale: settings.timeScale,
      prefix,
      processes: settings.processes,
      jitter: settings.jitter,
      httpConnections: 16,
      limitMs: CONNECT_WITHIN_MS,
      submits: settings.ratePerSec > 0,
    },
    {
      clock: around.clock,
      note: (text) => around.say(`sim: ${text}`),
      known,
      signal: around.signal,
      ...(staged && { placeOf: (agent: number) => staged.workplaceOf(agent) }),
      registered: () => {
        watch = new ProcessWatch();
      },
    },
  );
  if (settings.tokenFile !== undefined && connected.tokens.size > known.size) {
    await writeTokens(settings.tokenFile, connected.tokens);
  }
  if (!connected.ok) {
    if (connected.code === "stopped") return EXIT.ok;
    around.say(`sim: ${failureText(connected.code, connected.detail, settings)}`);
    return EXIT.error;
  }
  const { generator } = connected;
  const { fleet } = generator;
  watch ??= new ProcessWatch();
  const loads = fleet instanceof ProcessFleet ? fleet.loads : [watch.read()];
  around.say(`sim: ${connectedLine(settings.agents, connected.ms, loads)}`);
  around.say(`sim: ${settings.durationMs === null ? "Ctrl-C ends" : `${settings.durationMs / 1000} s to go`}`);
  if (staged) await findEndpoints(settings, around, staged, connected.tokens);
  let before: FreeRunState | undefined;
  const end = await runFreely(generator, {
    load:
      settings.ratePerSec > 0
        ? {
            arrivals: settings.arrivals,
            ratePerSec: settings.ratePerSec,
            seed: settings.seed,
            bodyOf: bodiesOf(settings),
          }
        : null,
    durationMs: settings.durationMs,
    drainLimitMs: staged ? FLEET_DRAIN_LIMIT_MS : DRAIN_LIMIT_MS,
    everyMs: LINE_EVERY_MS,
    watch,
    signal: around.signal,
    tick: (state) => {
      around.say(`sim: ${progressLine(state, before, settings.agents)}`);
      before = state;
    },
  });
  watch.stop();
  await generator.close();
  for (const line of summaryLines(end, settings.agents)) around.print(line);
  for (const line of staged?.summaryLines() ?? []) around.print(line);
  return end.history.clean ? EXIT.ok : EXIT.invalid;
}

/** So that the first tasks find them; without them standard tasks fail, which the summary would show. */
async function findEndpoints(
  settings: SimSettings,
  { clock, signal, say }: SimSurroundings,
  staged: StagedFleet,
  tokens: Tokens,
): Promise<void> {
  const token = tokens.values().next().value ?? "";
  const wait = { http: settings.http[0] ?? "", token, urls: staged.endpointUrls, limitMs: ENDPOINTS_WITHIN_MS, clock, signal };
  if (!(await awaitEndpoints(wait)) && !signal.aborted)
    say("sim: the hub does not list all Ollama endpoints as healthy; going on without waiting");
}

/** By the number of the task. */
function bodiesOf({ fleet, seed, task }: SimSettings): (number: number) => string {
  if (fleet) return (number) => plannedTaskBody(fleet.mix, { seed, number }, task);
  const body = taskBody(task);
  return () => body;
}

function failureText(code: FailureCode, detail: string, settings: SimSettings): string {
  switch (code) {
    case "unreachable":
      return `cannot reach the hub at ${settings.ws.join(", ")} / ${settings.http.join(", ")}: ${detail}. Is it running? \`pnpm hub single\` starts one`;
    case "agent_id_taken":
      return `the hub already knows agent '${detail}' and gives its token out only once: use another --prefix, or --token-file with the file of the run that registered it`;
    case "turned_away":
      return `the hub turns the agents away: ${detail}. The tokens are probably of another hub: use another --token-file`;
    case "timeout":
      return `not all agents were identified within ${CONNECT_WITHIN_MS / 1000} s: ${detail}`;
    default:
      return `the hub refused: ${detail}`;
  }
}
