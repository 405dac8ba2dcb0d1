/** File systems that the bench has mounted itself. */
import { spawnSync } from "node:child_process";
import { SYSTEM_ENVIRONMENT } from "./executables.ts";

/** Takes it out of the tree at once, also while somebody uses it; the kernel lets go of it after them. Does nothing where nothing is mounted. */
export function detachMount(point: string): void {
  spawnSync("umount", ["--lazy", point], { stdio: "ignore", env: SYSTEM_ENVIRONMENT });
}
