/** What `bench gpu --json` writes: schema `hubscale.gpu/1`. */
import { type Static, Type } from "typebox";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { amount, count, positive, signed, text } from "../results/field-schemas.ts";

export const GPU_SCHEMA = "hubscale.gpu/1";

const SIZES = Type.Enum(["exponential", "constant"]);
/** How the sizes of rounds vary: exponential is what the closed form assumes. */
export type Sizes = Static<typeof SIZES>;

const AGENT_ROUND = Type.Object({ thinkMs: amount(), promptTokens: amount(), outputTokens: amount() });

const GPU_COMPARISON = Type.Object({
  agents: positive(),
  numParallel: positive(),
  answers: count(),
  /** What the requests of the run came to; the closed form is solved for these, so that sampling the sizes is no difference. */
  round: AGENT_ROUND,
  /** By which share timers and HTTP made the agents' pauses longer than was drawn; they are in `round`. */
  lateShare: signed(),
  measured: Type.Object({ tasksPerHour: ESTIMATE, tokensPerSec: ESTIMATE, responseSec: ESTIMATE, queueWaitSec: ESTIMATE }),
  solved: Type.Object({ tasksPerHour: amount(), tokensPerSec: amount(), responseSec: amount(), queueWaitSec: amount() }),
  /** Measured over solved less 1; of the wait: the difference as a share of the response. */
  difference: Type.Object({
    tasksPerHour: signed(),
    tokensPerSec: signed(),
    responseSec: signed(),
    queueWaitSec: signed(),
  }),
});
export type GpuComparison = Static<typeof GPU_COMPARISON>;

export const GPU_RESULT = Type.Object({
  schema: Type.Literal(GPU_SCHEMA),
  seed: count(),
  timeScale: positive(),
  gpu: text(),
  model: text(),
  sizes: SIZES,
  /** Means. */
  round: AGENT_ROUND,
  roundsPerTask: positive(),
  cases: Type.Array(GPU_COMPARISON, { minItems: 1 }),
});
export type GpuResult = Static<typeof GPU_RESULT>;
