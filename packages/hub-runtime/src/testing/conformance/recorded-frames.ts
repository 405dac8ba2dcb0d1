/** The recordings of the reference hub's wire, as lines. */
import { readFileSync } from "node:fs";

export type RecordedLine =
  | { connection: string; direction: "in" | "out"; frame: RecordedFrame | "not json" }
  | { http: RecordedRequest };

export interface RecordedFrame {
  type: string;
  [field: string]: unknown;
}

export interface RecordedRequest {
  method: string;
  path: string;
  auth: boolean;
  body: Record<string, unknown> | null;
  status: number;
  response: unknown;
}

/** The file ships with the package. */
const RECORDING = new URL("../../../fixtures/traces.jsonl", import.meta.url);

/** The lines of the session of the named connections, HTTP included if `withHttp`. */
export function recordedSession(connections: readonly string[], withHttp: boolean): RecordedLine[] {
  const lines = readFileSync(RECORDING, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RecordedLine);
  return lines.filter((line) => ("http" in line ? withHttp : connections.includes(line.connection)));
}
