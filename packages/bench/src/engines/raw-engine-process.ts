/** A raw engine's client as a process of its own: its CPU is not the bench's. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ProcessCare } from "../machine/index.ts";
import type { EngineKind } from "./raw-engine.ts";

export interface RawEngineOrder {
  kind: EngineKind;
  urls: readonly string[];
  /** Of the hub: so many streams of a JetStream. BullMQ has a queue for each server. */
  shards: number;
  /** Tasks under way at any time. */
  inFlight: number;
  warmupMs: number;
  /** Measured, after the warm-up. */
  durationMs: number;
}

export interface RawEngineResult {
  /** Passed through within `durationMs`. */
  tasks: number;
  durationMs: number;
}

/** Rejects when the client fails; it has said why on stderr. */
export function runRawEngine(order: RawEngineOrder, care: ProcessCare): Promise<RawEngineResult> {
  const child = fork(fileURLToPath(new URL("./raw-engine-main.js", import.meta.url)), [], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const kill = () => void child.kill("SIGKILL");
  care.atEnd(kill);
  return new Promise((resolve, reject) => {
    child.once("message", (result) => resolve(result as RawEngineResult));
    child.once("exit", (code, signal) => reject(new Error(`the raw engine's client ended (${signal ?? `exit ${code}`})`)));
    child.send(order);
  });
}
