/** The command line of `stub`. */
import {
  CLAUDE_TIERS,
  type ClaudeTier,
  type Distribution,
  GPU_TYPES,
  type GpuType,
  gpuType,
  LLM_MODELS,
  type LlmModel,
  llmModel,
  NETWORK_PATHS,
  type NetworkPath,
  ollamaSettings,
  parseDistribution,
} from "@hubscale/fleet-model";
import type { ClaudeStubOptions, OllamaStubOptions } from "@hubscale/sidecar-sim/stubs";
import type { ShapedPathOptions, SiteLineOptions } from "@hubscale/sidecar-sim/uplink";
import { Command, InvalidArgumentError, Option } from "commander";

/** A stub that runs. */
export interface ServedStub {
  url: string;
  /** What it did, for the log at the end. */
  summary(): object;
  close(): Promise<void>;
}

type ByHand<Options> = Omit<Options, "random" | "clock"> & { seed: number; exitWithParent: boolean };

export interface StubActions {
  ollama(options: ByHand<OllamaStubOptions>): Promise<void>;
  claude(options: ByHand<ClaudeStubOptions>): Promise<void>;
  uplink(options: UplinkByHand): Promise<void>;
}

/** A site's line in front of a server that is there already. */
export interface UplinkByHand {
  line: Omit<SiteLineOptions, "clock">;
  path: ShapedPathOptions;
  exitWithParent: boolean;
}

interface UplinkFlags {
  to: ShapedPathOptions["target"];
  port: number;
  timeScale: number;
  exitWithParent: boolean;
  upMbit: number;
  downMbit: number;
  rttMs: number;
  path: NetworkPath;
  tls: boolean;
}

interface CommonFlags {
  port: number;
  seed: number;
  exitWithParent: boolean;
  timeScale: number;
  answerTokens: Distribution;
}

interface OllamaFlags extends CommonFlags {
  gpu: GpuType;
  gpus: number;
  numParallel: number;
  maxQueue: number;
  maxLoadedModels: number;
  keepAliveS: number;
  context: number;
  models: LlmModel[];
  loadGbPerS: number;
  brokenOffShare: number;
}

interface ClaudeFlags extends CommonFlags {
  tier: ClaudeTier;
  overloadedShare: number;
  brokenOffShare: number;
  tokensPerEvent: number;
}

/** Goes to the limit of every request. */
const TO_THE_LIMIT: Distribution = { kind: "constant", value: Number.POSITIVE_INFINITY };

const ANSWER_LENGTHS =
  "length of answers: 250, exp:250 (mean), lognormal:250,0.8 (median, sigma), or limit: always to the request's limit";

const ALL_MODELS = LLM_MODELS.map(({ name }) => name).join(",");

export function stubProgram(actions: StubActions): Command {
  const program = new Command("stub")
    .description("Starts a service that agents call and prints one line with its address when it is ready. Ctrl-C stops it.")
    .showHelpAfterError("(--help shows all options)")
    .showSuggestionAfterError()
    .exitOverride();
  const counted = (low: number, high: number) => numberIn({ low, high, whole: true });

  stubCommand(program, "ollama", "an Ollama with the GPU of your choice, after the rules of its scheduler")
    .addOption(
      named("--gpu <type>", `one of ${GPU_TYPES.map(({ id }) => id).join(", ")}`, { parse: gpuNamed, standard: "rtx4090" }),
    )
    .option("--gpus <n>", "how many of them", counted(1, 16), 1)
    .option("--num-parallel <n>", "OLLAMA_NUM_PARALLEL", counted(1, 256), 1)
    .option("--max-queue <n>", "OLLAMA_MAX_QUEUE", counted(1, 1_000_000), 512)
    .option("--max-loaded-models <n>", "OLLAMA_MAX_LOADED_MODELS; 0: three per GPU", counted(0, 1_000), 0)
    .option("--keep-alive-s <s>", "OLLAMA_KEEP_ALIVE", numberIn({ low: 0, high: 1e9 }), 300)
    .option("--context <tokens>", "OLLAMA_CONTEXT_LENGTH; 0: by the GPU's memory", counted(0, 1_000_000), 0)
    .addOption(named("--models <list>", "those that it has, separated by commas", { parse: modelsNamed, standard: ALL_MODELS }))
    .option("--load-gb-per-s <n>", "disk or bus, whichever is slower", numberIn({ low: 0.01, high: 1_000 }), 2.6)
    .option("--broken-off-share <p>", "streams that end with an error line, 0 to 1", numberIn({ low: 0, high: 1 }), 0)
    .action(({ gpu, gpus, context, keepAliveS, loadGbPerS, models, brokenOffShare, ...flags }: OllamaFlags) => {
      const { port, seed, exitWithParent, timeScale, answerTokens, numParallel, maxQueue, maxLoadedModels } = flags;
      const settings = ollamaSettings({
        gpu,
        gpuCount: gpus,
        numParallel,
        maxQueue,
        maxLoadedModels,
        keepAliveMs: keepAliveS * 1_000,
        contextTokens: context,
        loadBytesPerSec: loadGbPerS * 1e9,
      });
      return actions.ollama({ port, seed, exitWithParent, timeScale, answerTokens, settings, models, brokenOffShare });
    });

  stubCommand(program, "claude", "the Messages API with the limits of a tier")
    .addOption(
      named("--tier <name>", `one of ${Object.keys(CLAUDE_TIERS).join(", ")}`, { parse: tierNamed, standard: "tier-2" }),
    )
    .option("--overloaded-share <p>", "requests answered 529, 0 to 1", numberIn({ low: 0, high: 1 }), 0)
    .option("--broken-off-share <p>", "streams that end with an error event, 0 to 1", numberIn({ low: 0, high: 1 }), 0)
    .option("--tokens-per-event <n>", "of a stream", counted(1, 1_000), 1)
    .action((flags: ClaudeFlags) => {
      const { port, seed, exitWithParent, timeScale, answerTokens, tier, overloadedShare, brokenOffShare, tokensPerEvent } =
        flags;
      return actions.claude({
        port,
        seed,
        exitWithParent,
        timeScale,
        answerTokens,
        tier,
        overloadedShare,
        brokenOffShare,
        tokensPerEvent,
      });
    });
  program
    .command("uplink")
    .description("a site's line to a server: what goes through its port is as slow as the line, and is counted at the end")
    .requiredOption("--to <url>", "the server, for instance http://127.0.0.1:4000; ws:// for a hub", target)
    .option("--port <n>", "on 127.0.0.1; 0: any free one", numberIn({ low: 0, high: 65_535, whole: true }), 0)
    .option("--up-mbit <n>", "away from the site", numberIn({ low: 0.001, high: 100_000 }), 20)
    .option("--down-mbit <n>", "towards the site", numberIn({ low: 0.001, high: 100_000 }), 100)
    .option("--rtt-ms <n>", "there and back", numberIn({ low: 0, high: 60_000 }), 12)
    .addOption(
      named("--path <kind>", `one of ${Object.keys(NETWORK_PATHS).join(", ")}`, { parse: pathNamed, standard: "plain" }),
    )
    .option("--tls", "one round trip more before the first byte, as TLS 1.3 takes", false)
    .option("--time-scale <x>", "times faster than life", numberIn({ low: 0.001, high: 10_000 }), 1)
    .option("--exit-with-parent", "end when stdin ends", false)
    .action(({ to, port, upMbit, downMbit, rttMs, path, tls, timeScale, exitWithParent }: UplinkFlags) =>
      actions.uplink({
        line: {
          upBitsPerSec: upMbit * 1e6,
          downBitsPerSec: downMbit * 1e6,
          roundTripMs: rttMs,
          burstBytes: FIRST_WINDOW_BYTES,
          timeScale,
        },
        path: { target: to, path, roundTripsToOpen: tls ? 2 : 1, port },
        exitWithParent,
      }),
    );
  return program;
}

/** Ten packets (RFC 6928): what a line's queue takes without a thought. */
const FIRST_WINDOW_BYTES = 15_000;

function target(text: string): ShapedPathOptions["target"] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.protocol === "http:" || url?.protocol === "ws:";
  if (!url || !isPlain) throw new InvalidArgumentError("give an http:// or ws:// address, for instance http://127.0.0.1:4000.");
  return { host: url.hostname, port: url.port === "" ? 80 : Number(url.port) };
}

function pathNamed(id: string): NetworkPath {
  const path = Object.hasOwn(NETWORK_PATHS, id) ? NETWORK_PATHS[id as NetworkPath["id"]] : undefined;
  if (!path) throw new InvalidArgumentError(`no such path; there are ${Object.keys(NETWORK_PATHS).join(", ")}.`);
  return path;
}

function stubCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option("--port <n>", "on 127.0.0.1; 0: any free one", numberIn({ low: 0, high: 65_535, whole: true }), 0)
    .option("--time-scale <x>", "times faster than life", numberIn({ low: 0.001, high: 10_000 }), 1)
    .addOption(named("--answer-tokens <d>", ANSWER_LENGTHS, { parse: answerLength, standard: "lognormal:252,1.208" }))
    .option("--seed <n>", "of all random numbers", numberIn({ low: 0, high: Number.MAX_SAFE_INTEGER, whole: true }), 1)
    .option("--exit-with-parent", "end when stdin ends", false);
}

/** An option whose default reads as it would be written. */
function named<T>(
  flags: string,
  description: string,
  { parse, standard }: { parse: (text: string) => T; standard: string },
): Option {
  return new Option(flags, description).argParser(parse).default(parse(standard), standard);
}

function numberIn({ low, high, whole = false }: { low: number; high: number; whole?: boolean }): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`give a ${whole ? "whole " : ""}number from ${low} to ${high}.`);
  };
}

function gpuNamed(id: string): GpuType {
  const gpu = gpuType(id);
  if (!gpu) throw new InvalidArgumentError(`no such GPU; there are ${GPU_TYPES.map((known) => known.id).join(", ")}.`);
  return gpu;
}

function modelsNamed(list: string): LlmModel[] {
  return list.split(",").map((name) => {
    const model = llmModel(name.trim());
    if (!model)
      throw new InvalidArgumentError(`no model '${name}'; there are ${LLM_MODELS.map((known) => known.name).join(", ")}.`);
    return model;
  });
}

function tierNamed(name: string): ClaudeTier {
  const tier = Object.hasOwn(CLAUDE_TIERS, name) ? CLAUDE_TIERS[name] : undefined;
  if (!tier) throw new InvalidArgumentError(`no such tier; there are ${Object.keys(CLAUDE_TIERS).join(", ")}.`);
  return tier;
}

function answerLength(text: string): Distribution {
  if (text === "limit") return TO_THE_LIMIT;
  const distribution = parseDistribution(text);
  if (!distribution) throw new InvalidArgumentError("write 250, exp:250, lognormal:250,0.8 or limit.");
  return distribution;
}
