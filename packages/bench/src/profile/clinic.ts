/**
 * Clinic.js, kept out of the way of the first command: it is 155 MB, and only `bench profile` wants it. package.json names its version
 * (`config.clinic`, the one that was seen to work headless on Node 20), and npm puts it into the cache folder once. As a dependency
 * of any kind, an optional peer too, pnpm would install it with the rest.
 */
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { ProcessCare } from "../machine/index.ts";

export interface Clinic {
  version: string;
  /** Its command line's module, to be run with node. */
  module: string;
}

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  config: { clinic: string };
};
export const CLINIC_VERSION = manifest.config.clinic;
const INSTALL_LIMIT_MS = 240_000;

/** One that is installed beside us or in the cache; undefined when there is none. */
export function installedClinic(cacheFolder: string): Clinic | undefined {
  return clinicFrom(import.meta.url) ?? clinicFrom(join(cachedIn(cacheFolder), "package.json"));
}

/** Finds or fetches it. A refusal is a reason. */
export async function provideClinic(
  cacheFolder: string,
  care: ProcessCare,
  tell: (line: string) => void,
): Promise<Clinic | { reason: string }> {
  const installed = installedClinic(cacheFolder);
  if (installed) return installed;
  mkdirSync(cacheFolder, { recursive: true });
  const staging = care.temporaryFolder("clinic", cacheFolder);
  try {
    tell(`downloading clinic ${CLINIC_VERSION} into ${cacheFolder} (once; about 155 MB)`);
    const child = await care.start({
      name: "npm",
      role: "download",
      command: "npm",
      args: ["install", "--prefix", staging, "--no-audit", "--no-fund", "--ignore-scripts", `clinic@${CLINIC_VERSION}`],
      stdout: "log",
      log: join(staging, "npm.log"),
    });
    const timer = setTimeout(() => void child.stop(), INSTALL_LIMIT_MS);
    const { code } = await child.ended;
    clearTimeout(timer);
    if (code !== 0) return { reason: `npm could not install clinic ${CLINIC_VERSION}\n${child.logTail()}` };
    // It appears whole or not at all; where another program was faster, its copy is as good.
    if (!existsSync(cachedIn(cacheFolder))) renameSync(staging, cachedIn(cacheFolder));
    return installedClinic(cacheFolder) ?? { reason: "the installed clinic cannot be loaded" };
  } catch (error) {
    return { reason: (error as Error).message };
  } finally {
    care.removeFolder(staging);
  }
}

const cachedIn = (cacheFolder: string) => join(cacheFolder, `clinic-${CLINIC_VERSION}`);

function clinicFrom(place: string): Clinic | undefined {
  try {
    const manifest = createRequire(place).resolve("clinic/package.json");
    const { version, bin } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string; bin: Record<string, string> };
    return { version, module: join(dirname(manifest), bin["clinic"] ?? "bin.js") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
