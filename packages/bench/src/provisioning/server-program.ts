/** An executable of a server: found on the PATH, or unpacked from the distribution's packages. */
import { spawnSync } from "node:child_process";
import { executablesOnPath } from "../machine/index.ts";

export interface ServerProgram {
  command: string;
  /** The whole environment that it needs. */
  env: Record<string, string>;
  version: string;
  /** In words, for the report. */
  origin: string;
}

/** Asks an executable for its version; undefined when it does not run here. */
export type VersionQuery = (command: string, env: Record<string, string>) => string | undefined;

/** Looks through the folders of a `PATH`; undefined when none has a program of this name that runs. */
export function programOnPath(name: string, path: string, ask: VersionQuery = versionOf): ServerProgram | undefined {
  for (const command of executablesOnPath(name, path)) {
    const version = ask(command, {});
    if (version !== undefined) return { command, env: {}, version, origin: `PATH (${command})` };
  }
  return undefined;
}

/** The version that the program itself reports; undefined when it does not run here. */
export function versionOf(command: string, env: Record<string, string>): string | undefined {
  const { status, stdout } = spawnSync(command, ["--version"], { env, encoding: "utf8", timeout: 10_000 });
  return status === 0 ? /\bv=?(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined;
}

/** Numeric comparison of dotted versions: whether `version` is `minimum` or newer. */
export function isAtLeast(version: string, minimum: string): boolean {
  const wanted = minimum.split(".").map(Number);
  const found = version.split(".").map((part) => Number.parseInt(part, 10));
  for (const [index, want] of wanted.entries()) {
    const have = found[index] ?? 0;
    if (have !== want) return have > want;
  }
  return true;
}
