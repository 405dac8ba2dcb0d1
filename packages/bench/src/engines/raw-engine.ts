/** The engine of a sharded hub with no hub around it: what it does for one task, in the words of its own client library. */

export interface RawEngine {
  /** One task through the engine: stored, handed to a consumer, acknowledged as done. Durable at the server's level. */
  pass(): Promise<void>;
  close(): Promise<void>;
}

/** About the row that the sharded hub stores of a task of the shipped workload, and what it adds at the completion. */
export const ROW_BYTES = 1_200;
export const RESULT_BYTES = 250;

export type EngineKind = "redis" | "nats";
