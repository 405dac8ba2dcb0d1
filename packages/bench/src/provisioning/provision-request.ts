import { mkdirSync } from "node:fs";
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { ProcessCare } from "../machine/index.ts";
import type { Refusal } from "./provisioned.ts";
import type { ServerSources } from "./server-sources.ts";

/** What a caller says of the server that it wants. */
export interface ProvisionRequest {
  care: ProcessCare;
  sources: ServerSources;
  durability: DurabilityLevel;
  /** The server's data folder is made in here and removed at its stop; by default among the temporary folders. */
  dir?: string;
  /** The data folder itself, made if need be, used as it is found, and kept. */
  keptFolder?: string;
  /** Default: any free one. */
  port?: number;
  /** Reached from other machines, by those who have the secret. Default: on 127.0.0.1, by everybody there. */
  listen?: { address: string; secret: string } | undefined;
  /** Further lines of its configuration file. Only for a program that is started here. */
  extraSettings?: readonly (readonly [name: string, value: string])[];
  /** Told what takes time, one line each. */
  tell?: (line: string) => void;
}

export function dataFolderFor(purpose: string, { care, dir, keptFolder }: ProvisionRequest): string {
  if (keptFolder === undefined) return care.temporaryFolder(purpose, dir);
  mkdirSync(keptFolder, { recursive: true });
  return keptFolder;
}

/** No origin had a server; each says why. */
export function noServerRefusal(
  what: { program: string; variable: string; brew: string },
  reasons: readonly string[],
): Refusal {
  return {
    code: "no_server",
    message: `no ${what.program} to be had: ${reasons.join("; ")}`,
    nextStep: `install it (\`sudo apt-get install ${what.program}\`, \`brew install ${what.brew}\`), start Docker, or name a running one in ${what.variable}`,
  };
}
