/** Where the programs of this machine are. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a system keeps its own programs, those of administrators too, which many a user's PATH leaves out. */
const SYSTEM_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(delimiter);

/** All that the system's own programs need of an environment. */
export const SYSTEM_ENVIRONMENT = { PATH: SYSTEM_PATH, LC_ALL: "C" } as const;

/** A program of the system itself; undefined when this one has none of that name. */
export function systemProgram(name: string): string | undefined {
  return executablesOnPath(name, SYSTEM_PATH)[0];
}

/** Every file of this name that may be executed, in the order of the PATH. */
export function executablesOnPath(name: string, path: string): string[] {
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (["ENOENT", "EACCES", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}
