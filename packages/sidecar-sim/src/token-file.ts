import { readFile, rename, writeFile } from "node:fs/promises";
import type { Tokens } from "./registration.ts";

/**
 * Tokens kept between runs, since a hub gives each out once. One JSON object, agent id to token, readable by its owner only. The file
 * belongs to one hub. Throws when it exists and is not such an object.
 */
export async function readTokens(path: string): Promise<Tokens> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw error;
  }
  const value = parse(text);
  if (!isTokenObject(value)) throw new Error(`${path} is not a token file: expected one JSON object of agent ids and tokens`);
  return new Map(Object.entries(value));
}

/** Replaces the file as a whole, so that an interrupted run leaves the old or the new one. */
export async function writeTokens(path: string, tokens: Tokens): Promise<void> {
  const draft = `${path}.new`;
  await writeFile(draft, `${JSON.stringify(Object.fromEntries(tokens), null, 1)}\n`, { mode: 0o600 });
  await rename(draft, path);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTokenObject(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((token) => typeof token === "string");
}
