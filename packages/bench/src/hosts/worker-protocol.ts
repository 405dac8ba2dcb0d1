/**
 * What a coordinator (`bench compare --hosts`) and its workers (`bench worker`) say to each other over NATS. The join is JSON, so
 * that another version can still be told that it is one; all else is V8's own serialization, as between processes of one machine.
 */
import { deserialize, serialize } from "node:v8";
import type { HubProgram, ReadyLine, ServerOrder } from "../drivers/index.ts";
import type { GeneratorCommand, GeneratorReply } from "../load/generator-protocol.ts";
import type { EnvironmentFingerprint, ProcessUsage } from "../machine/index.ts";
import type { ProvisionedServer, Refusal } from "../provisioning/index.ts";

export const JOIN = "hubscale.join";
/** From the coordinator to all. */
export const HEARTBEAT = "hubscale.alive";
export const RUN_OVER = "hubscale.over";
export const commandsTo = (worker: string): string => `hubscale.worker.${worker}.do`;
export const wordsOf = (worker: string): string => `hubscale.worker.${worker}.says`;

export const HEARTBEAT_EVERY_MS = 500;
/** Who says nothing for so long is gone: ten heartbeats, far above any pause of a process that only waits. */
export const GONE_AFTER_MS = 5_000;

export interface Join {
  name: string;
  version: string;
  /** Where its nodes and servers listen. */
  address: string;
  machine: EnvironmentFingerprint;
}

/** `isFinal`: asking again would change nothing. */
export type JoinAnswer = { ok: true } | { ok: false; problem: string; isFinal: boolean };

/** One answer each, `Answered`. */
export type WorkerCommand =
  | ({ kind: "startProgram"; readyWithinMs: number } & HubProgram)
  | { kind: "startServers"; order: ServerOrder; secret: string }
  | { kind: "startGenerator" }
  | { kind: "tellGenerator"; id: number; command: GeneratorCommand }
  | { kind: "readUsage"; pids: readonly number[] }
  | { kind: "stop"; id: number };

export interface Answers {
  startProgram: { id: number; ready: ReadyLine };
  startServers: { ok: true; id: number; servers: Omit<ProvisionedServer, "stop">[] } | { ok: false; refusal: Refusal };
  startGenerator: { id: number; pid: number | undefined };
  tellGenerator: null;
  readUsage: ProcessUsage[];
  stop: null;
}

export type Answered = { ok: true; value: Answers[keyof Answers] } | { ok: false; problem: string };

/** Unasked. */
export type WorkerWord =
  | { kind: "alive" }
  /** A hub program ended by itself. `log`: its last lines. */
  | { kind: "programEnded"; name: string; how: string; log: string }
  | { kind: "generatorReply"; id: number; reply: GeneratorReply }
  | { kind: "generatorEnded"; id: number; how: string }
  /** It has been told to end, and ends what it has started. */
  | { kind: "leaving" }
  /** After the end of the run: nothing of it is left here. */
  | { kind: "finished" };

export const encode = (value: WorkerCommand | Answered | WorkerWord): Uint8Array => serialize(value);
export const decode = <T extends WorkerCommand | Answered | WorkerWord>(data: Uint8Array): T => deserialize(data) as T;
