/** An Erlang that runs scripts: from the PATH, or from the distribution's packages unpacked into the cache. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ProcessCare } from "../machine/index.ts";
import { programFromDebian } from "./debian-packages.ts";
import type { Refusal } from "./provisioned.ts";
import { isAtLeast, programOnPath, type ServerProgram } from "./server-program.ts";
import type { ServerSources } from "./server-sources.ts";

export type FoundErlang = { ok: true; erlang: ServerProgram } | { ok: false; refusal: Refusal };

export interface ErlangRequest {
  care: ProcessCare;
  sources: ServerSources;
  /** Told what takes time, one line each. */
  tell?: (line: string) => void;
}

export async function findErlang({ care, sources, tell }: ErlangRequest): Promise<FoundErlang> {
  const reasons: string[] = [];
  if (sources.origins.includes("path")) {
    const erlang = programOnPath("erl", sources.path, releaseOf);
    if (erlang && isAtLeast(erlang.version, OLDEST)) return { ok: true, erlang };
    reasons.push(erlang ? `PATH: OTP ${erlang.version}, but ${OLDEST} is needed` : "PATH: none");
  }
  if (sources.origins.includes("debian")) {
    const place = { care, cacheFolder: sources.cacheFolder, ...(tell && { tell }) };
    try {
      return { ok: true, erlang: await programFromDebian({ name: PACKAGE, atLeast: OLDEST, tryOut: unpacked }, place) };
    } catch (error) {
      reasons.push(`distribution's packages: ${(error as Error).message}`);
    }
  }
  const message = `no Erlang to be had: ${reasons.join("; ")}`;
  const nextStep = "install it (`sudo apt-get install erlang-base`, `brew install erlang`)";
  return { ok: false, refusal: { code: "no_server", message, nextStep } };
}

/** Arguments of the emulator that run a script as `escript` does, which is a program with its root folder compiled in. */
export function scriptArguments(file: string, args: readonly string[]): string[] {
  return ["+B", "-boot", "no_dot_erlang", "-noshell", "-run", "escript", "start", "-extra", file, ...args];
}

const PACKAGE = "erlang-base";
/** The oldest release whose `string` and `dets` modules the scripts here were written for. */
const OLDEST = "21";

/**
 * The start script of the package has /usr/lib/erlang written into it. What it calls takes the root from its environment, so
 * that is called instead. HOME must be set, and nothing is read from it.
 */
function unpacked(folder: string, libraries: Record<string, string>) {
  const root = join(folder, "usr/lib/erlang");
  const runtime = existsSync(root) ? readdirSync(root).find((name) => name.startsWith("erts-")) : undefined;
  if (runtime === undefined) return undefined;
  const bin = join(root, runtime, "bin");
  const command = join(bin, "erlexec");
  const env = { ...libraries, ROOTDIR: root, BINDIR: bin, EMU: "beam", PROGNAME: "erl", HOME: folder };
  const version = releaseOf(command, env);
  return version === undefined ? undefined : { command, env, version };
}

/** The OTP release, which has one number: `25`. */
function releaseOf(command: string, env: Record<string, string>): string | undefined {
  const print = 'io:format("~s~n", [erlang:system_info(otp_release)]), halt().';
  const { status, stdout } = spawnSync(command, ["+B", "-boot", "no_dot_erlang", "-noshell", "-eval", print], {
    env: { HOME: "/", ...env },
    encoding: "utf8",
    timeout: 20_000,
  });
  return status === 0 ? /^(\d+)$/m.exec(stdout)?.[1] : undefined;
}
