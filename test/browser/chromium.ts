/** The Chromium that this machine has, if any. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** `HUBSCALE_CHROMIUM` names one; else the first on the PATH. */
export function findChromium(env: NodeJS.ProcessEnv): string | undefined {
  if (env.HUBSCALE_CHROMIUM) return env.HUBSCALE_CHROMIUM;
  const places = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return places.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
