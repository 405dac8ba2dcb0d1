/** What `bench bytes --json` writes: schema `hubscale.bytes/1`. */
import { type Static, Type } from "typebox";
import { amount, count, positive, text } from "../results/field-schemas.ts";

export const BYTES_SCHEMA = "hubscale.bytes/1";

const WRITES = Type.Object({ bytes: amount(), writes: amount() });
const SEGMENT_TRAFFIC = Type.Object({
  /** Away from the agent. */
  up: WRITES,
  down: WRITES,
});

const TASK_BYTES = Type.Object({
  tier: Type.Enum(["trivial", "standard", "complex"]),
  tasks: count(),
  /** In the fleet's time, without tools. */
  workSec: amount(),
  tokensOut: amount(),
  hub: SEGMENT_TRAFFIC,
  ollama: SEGMENT_TRAFFIC,
  api: SEGMENT_TRAFFIC,
});
/** Of one task, means; `hub` without what an agent sends and hears while it does nothing. */
export type TaskBytes = Static<typeof TASK_BYTES>;

const BYTE_COUNT = Type.Object({
  /** Of one agent in a second of the fleet's time: heartbeat, resource reports, presence. */
  idle: SEGMENT_TRAFFIC,
  tiers: Type.Array(TASK_BYTES),
});
export type ByteCount = Static<typeof BYTE_COUNT>;

const LINE_DEMAND = Type.Object({
  tier: Type.Enum(["trivial", "standard", "complex", "mix"]),
  layout: text(),
  /** Of one agent that always works, tools included; at the IP layer. */
  bitsPerSec: Type.Object({ up: amount(), down: amount() }),
  /** By the line's rate, the same in both directions, in the order of LINES_MBIT. */
  agents: Type.Array(amount()),
  /** The direction that is full first. */
  bound: Type.Enum(["up", "down"]),
});
export type LineDemand = Static<typeof LINE_DEMAND>;

export const BYTES_RESULT = Type.Object({
  schema: Type.Literal(BYTES_SCHEMA),
  seed: count(),
  timeScale: positive(),
  count: BYTE_COUNT,
  lines: Type.Array(LINE_DEMAND),
});
export type BytesResult = Static<typeof BYTES_RESULT>;
