/** Goes through the origins that give an executable: the PATH, then the distribution's packages. */
import { programFromDebian } from "./debian-packages.ts";
import type { ProvisionRequest } from "./provision-request.ts";
import { isAtLeast, programOnPath, type ServerProgram } from "./server-program.ts";

export interface WantedProgram {
  name: string;
  /** Oldest version that will do, and why. */
  atLeast: string;
  because: string;
}

/** The first program that will do, or the reason of each origin. */
export async function findProgram(
  wanted: WantedProgram,
  { sources, care, tell }: ProvisionRequest,
): Promise<{ program: ServerProgram } | { reasons: string[] }> {
  const reasons: string[] = [];
  if (sources.origins.includes("path")) {
    const program = programOnPath(wanted.name, sources.path);
    if (program && isAtLeast(program.version, wanted.atLeast)) return { program };
    reasons.push(program ? `PATH: ${program.version}, but ${wanted.atLeast} is needed (${wanted.because})` : "PATH: none");
  }
  if (sources.origins.includes("debian")) {
    try {
      const { cacheFolder } = sources;
      return { program: await programFromDebian(wanted, { care, cacheFolder, ...(tell && { tell }) }) };
    } catch (error) {
      reasons.push(`distribution's packages: ${(error as Error).message}`);
    }
  }
  return { reasons };
}
