/** A server that the bench has, or why it has none. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";

export interface ProvisionedServer {
  kind: "redis" | "nats";
  url: string;
  /** NATS: where its counters and settings are read (`/varz`), where that is known. */
  monitorUrl?: string;
  /** For CPU accounting; null when the process is not on this machine. */
  pid: number | null;
  version: string;
  /** Where it came from, in words: `PATH (/usr/bin/redis-server)`. */
  origin: string;
  /** As the running server says; `verified` is null when it says too little. */
  durability: { verified: DurabilityLevel | null; how: string };
  /** The configuration file that it was started with; empty for a server that was not started here. */
  configText: string;
  /** Settings read back from the running server. */
  settings: Record<string, string>;
  /** Ends it and removes its data. Does nothing to a server that was not started here. */
  stop(): Promise<void>;
}

export type Provisioned = { ok: true; server: ProvisionedServer } | { ok: false; refusal: Refusal };

/** An expected no, to be shown as it is. */
export interface Refusal {
  code: "no_server" | "durability" | "not_built" | "no_target" | "fsync_floor" | "data_folder";
  message: string;
  /** What the reader can do about it. */
  nextStep: string;
  /** Of `durability`: what it keeps. */
  verified?: string | null;
}

const LEVELS: readonly DurabilityLevel[] = ["process", "fsync"];

/** Whether `verified` survives all that `required` does. */
export function satisfies(verified: DurabilityLevel | null, required: DurabilityLevel): boolean {
  return verified !== null && LEVELS.indexOf(verified) >= LEVELS.indexOf(required);
}

export function durabilityRefusal(
  who: string,
  found: { verified: string | null; how: string },
  required: DurabilityLevel,
): Refusal {
  return {
    code: "durability",
    verified: found.verified,
    message: `${who} gives durability ${found.verified ?? "unknown"} (${found.how}), but ${required} is required`,
    nextStep:
      required === "fsync" && found.verified !== null
        ? "configure it to sync before it acknowledges, or compare at --durability process"
        : "use a server that keeps its data on disk",
  };
}
