/**
 * What tasks ask of machines and models, by tier: the `tiers` of a workload file. Whatever a file leaves out is as found in the wild
 * (agent-workload.ts) or is marked as an assumption here.
 */
import { STEP_APPENDED_TOKENS, STEP_OUTPUT_TOKENS, STEP_PREFIX_TOKENS, TOOL_MS } from "./agent-workload.ts";
import { FieldReader, type FieldsRead, readFields } from "./field-reader.ts";
import type { Distribution } from "./random.ts";

export type WorkTier = "trivial" | "standard" | "complex";
export const WORK_TIERS: readonly WorkTier[] = ["trivial", "standard", "complex"];

/** At least one tier. Shares are weights: 3 and 1 are three quarters and one quarter. */
export interface WorkMix {
  trivial: TrivialWork | undefined;
  standard: StandardWork | undefined;
  complex: ComplexWork | undefined;
}

interface TierWork {
  share: number;
  /** Of its tasks, 0 to 1, those that fail when their work is done. */
  failShare: number;
  /** Memory of the host that it holds while it runs. */
  ramBytes: number;
}

/** A shell command: work for the cores, and waiting for something else. */
export interface TrivialWork extends TierWork {
  /** One core, milliseconds. */
  cpuMs: Distribution;
  /** That it can use at once. */
  maxCores: number;
  waitMs: Distribution;
}

/** Between two answers of a model: a build, a test, a look at files. */
export interface ToolWork {
  /** On an idle host. */
  toolMs: Distribution;
  /** Of it, 0 to 1, what is work for one core of the host and slows down when others want it; the rest is waiting. */
  toolCpuShare: number;
}

/** A conversation with a model on an Ollama endpoint. */
export interface StandardWork extends TierWork, ToolWork {
  rounds: Distribution;
  /** Of the first request. */
  promptTokens: Distribution;
  /** That each later round adds, beside the answer before it. */
  appendedTokens: Distribution;
  outputTokens: Distribution;
}

/** Steps of an agent at the Claude API. */
export interface ComplexWork extends TierWork, ToolWork {
  steps: Distribution;
  /** What the session brought along before the task began; drawn once for each session. */
  contextTokens: Distribution;
  /** Tasks that follow each other in one session and share its context, so that the API's cache may still know it. */
  tasksPerSession: number;
  appendedTokens: Distribution;
  outputTokens: Distribution;
  /** max_tokens of each request: the output limit is charged with it until the answer has ended. */
  maxTokens: number;
}

/** Reads the `tiers` of a workload. */
export function readWorkMix(value: unknown): FieldsRead<WorkMix> {
  return readFields(value, readTiers);
}

export function readTiers(fields: FieldReader): WorkMix {
  const mix = {
    trivial: fields.optionalMap("trivial", readTrivial),
    standard: fields.optionalMap("standard", readStandard),
    complex: fields.optionalMap("complex", readComplex),
  };
  const shares = WORK_TIERS.reduce((sum, tier) => sum + (mix[tier]?.share ?? 0), 0);
  if (!(shares > 0)) fields.say("trivial", `one of ${WORK_TIERS.join(", ")} must have a share above 0`);
  return mix;
}

const SHARE = { low: 0, high: 1 };
/** Less is lost in rounding beside another tier's share. */
const SHARE_MIN = 1e-6;
const SEC = 1_000;
/** Means of what a person may write: a task takes no longer than a day in one place, has no more rounds or steps, and no model takes more tokens. */
const SECONDS_MAX = 86_400;
const ROUNDS_MAX = 1_000;
const TOKENS_MAX = 1e7;
const GB = 1e9;

function readTier(fields: FieldReader, ramGb: number): TierWork {
  const share = fields.number("share", { low: 0, high: 1e6 });
  if (share > 0 && share < SHARE_MIN) fields.say("share", `must be 0, or a number from ${SHARE_MIN} to 1000000`);
  return {
    share,
    failShare: fields.number("fail_share", SHARE, 0),
    ramBytes: fields.number("ram_gb", { low: 0, high: 10_000 }, ramGb) * GB,
  };
}

/** No source was found for shell tasks of this kind; a few seconds stand for a formatter, a linter, a small test. */
function readTrivial(fields: FieldReader): TrivialWork {
  return {
    ...readTier(fields, 0.2),
    cpuMs: fields.distribution("cpu_s", {
      high: SECONDS_MAX,
      factor: SEC,
      standard: { kind: "lognormal", median: 2 * SEC, sigma: 1 },
    }),
    maxCores: fields.number("max_cores", { low: 0.1, high: 1_024 }, 1),
    waitMs: fields.distribution("wait_s", { high: SECONDS_MAX, factor: SEC, standard: { kind: "exponential", mean: 1 * SEC } }),
  };
}

/** Half of a tool's time is taken to be work for a core: an assumption. */
function readTool(fields: FieldReader): ToolWork {
  return {
    toolMs: fields.distribution("tool_s", { high: SECONDS_MAX, factor: SEC, standard: TOOL_MS }),
    toolCpuShare: fields.number("tool_cpu_share", SHARE, 0.5),
  };
}

/**
 * Rounds and the first prompt are assumptions: a description with a few files, and one answer, a look at what became of it, a second
 * try. What a round adds and answers is taken from the steps of TraceLab.
 */
function readStandard(fields: FieldReader): StandardWork {
  return {
    ...readTier(fields, 1),
    ...readTool(fields),
    rounds: fields.distribution("rounds", { high: ROUNDS_MAX, standard: { kind: "constant", value: 3 } }),
    promptTokens: fields.distribution("prompt_tokens", {
      high: TOKENS_MAX,
      standard: { kind: "lognormal", median: 2_000, sigma: 0.7 },
    }),
    appendedTokens: fields.distribution("appended_tokens", {
      high: TOKENS_MAX,
      standard: { kind: "constant", value: STEP_APPENDED_TOKENS },
    }),
    outputTokens: fields.distribution("output_tokens", { high: TOKENS_MAX, standard: STEP_OUTPUT_TOKENS }),
  };
}

/**
 * Steps of one request of a user. TraceLab has its duration (median 38 s, mean 4.3 min) and that of a step (11.5 s for the answer and
 * 16.8 s for the tool): 1.34 and 9.1 steps, so sigma = sqrt(2 ln(9.1 / 1.34)). The 90th percentile comes out at 16 (6.4 min are 13.6).
 */
export const TASK_STEPS: Distribution = { kind: "lognormal", median: 1.34, sigma: 1.957 };

/** 84 steps a session (TraceLab), 9.1 a task. */
const TASKS_PER_SESSION = 9;

function readComplex(fields: FieldReader): ComplexWork {
  return {
    ...readTier(fields, 1),
    ...readTool(fields),
    steps: fields.distribution("steps", { high: ROUNDS_MAX, standard: TASK_STEPS }),
    contextTokens: fields.distribution("context_tokens", { high: TOKENS_MAX, standard: STEP_PREFIX_TOKENS }),
    tasksPerSession: fields.number("tasks_per_session", { low: 1, high: 1_000, whole: true }, TASKS_PER_SESSION),
    appendedTokens: fields.distribution("appended_tokens", {
      high: TOKENS_MAX,
      standard: { kind: "constant", value: STEP_APPENDED_TOKENS },
    }),
    outputTokens: fields.distribution("output_tokens", { high: TOKENS_MAX, standard: STEP_OUTPUT_TOKENS }),
    maxTokens: fields.number("max_tokens", { low: 1, high: 1_000_000, whole: true }, 8_192),
  };
}
