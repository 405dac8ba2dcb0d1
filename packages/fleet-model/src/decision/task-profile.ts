/** What a task asks of machines and models on average: the means of a mix of work, so that a slider can change one of them. */

export interface TaskProfile {
  /** Weights; they need not add up to 1. */
  shares: { trivial: number; standard: number; complex: number };
  trivial: TrivialProfile;
  standard: StandardProfile;
  complex: ComplexProfile;
  /** Progress frames a second while a model streams; the sidecar batches tokens into windows of 100 ms, so at most 10. */
  framesPerSec: number;
  variation: Variation;
}

/**
 * Variance over the square of the mean: 0 for what is always the same, 1 for the exponential. The closed form takes 1; whether it holds
 * for others depends on how much waits (holds-for.ts).
 */
export interface Variation {
  /** Of a tool's time. */
  tool: number;
  /** Of a request's tokens at an endpoint. */
  tokens: number;
}

/** A shell command. */
export interface TrivialProfile {
  /** Of one core. */
  cpuSec: number;
  waitSec: number;
  ramGb: number;
}

/** Between two requests to a model: a build, a test. There is one tool fewer than there are requests. */
interface ToolProfile {
  toolSec: number;
  /** Of it, 0 to 1, work for one core. */
  toolCpuShare: number;
  ramGb: number;
}

/** A conversation with a model on an Ollama endpoint. */
export interface StandardProfile extends ToolProfile {
  rounds: number;
  /** Mean number of earlier rounds of its task that a round has: half of `rounds - 1` where all tasks have the same number. */
  earlierRounds: number;
  /** Of the first request. */
  promptTokens: number;
  /** That each later one adds, beside the answer before it. */
  appendedTokens: number;
  outputTokens: number;
}

/** Steps at the Claude API. */
export interface ComplexProfile extends ToolProfile {
  steps: number;
  /** As `earlierRounds`; more where a few tasks are very long, since most steps are in these. */
  earlierSteps: number;
  /** Of later steps, 0 to 1: those whose tool took so long that the API's cache has forgotten the prompt. */
  forgottenShare: number;
  /** What the session brought along. */
  contextTokens: number;
  /** Tasks of one session: one of them pays for the context, the others find it in the API's cache. */
  tasksPerSession: number;
  appendedTokens: number;
  outputTokens: number;
  /** max_tokens: reserved from the output limit until the answer has ended. */
  maxTokens: number;
}

/** The shares as fractions. */
export function fractionsOf({ shares }: TaskProfile): TaskProfile["shares"] {
  const sum = shares.trivial + shares.standard + shares.complex;
  if (!(sum > 0)) throw new Error("a task profile needs a tier with a share above 0");
  return { trivial: shares.trivial / sum, standard: shares.standard / sum, complex: shares.complex / sum };
}
