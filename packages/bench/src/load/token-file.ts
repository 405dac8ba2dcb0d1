import { existsSync } from "node:fs";
import { InputFileError, readJsonFile, writeWholeFile } from "@hubscale/hub-runtime/files";
import type { Tokens } from "@hubscale/sidecar-sim";

/**
 * Tokens kept between runs, since a hub gives each out once. One JSON object, agent id to token, readable by its owner only. The file
 * belongs to one hub. Rejects with an `InputFileError` when it exists and is not such an object.
 */
export async function readTokens(path: string): Promise<Tokens> {
  if (!existsSync(path)) return new Map();
  const read = readJsonFile(path, "the token file");
  if (read.ok && isTokenObject(read.json.value)) return new Map(Object.entries(read.json.value));
  const why = read.ok ? "expected one JSON object of agent ids and tokens" : read.problem;
  throw new InputFileError(
    `${path} is not a token file: ${why}; take it from a copy, or name another file, with agents that the hub does not know`,
  );
}

/** Replaces the file as a whole, so that an interrupted run leaves the old or the new one. */
export async function writeTokens(path: string, tokens: Tokens): Promise<void> {
  writeWholeFile(path, `${JSON.stringify(Object.fromEntries(tokens), null, 1)}\n`, { mode: 0o600 });
}

function isTokenObject(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((token) => typeof token === "string" && token !== "");
}
