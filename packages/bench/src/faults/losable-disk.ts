/**
 * A disk that can lose its power, and that can be filled: an ext4 of our own in a file, mounted over a loop device. What the
 * kernel has not yet written to that file is what a loss of power takes. The file stands for the medium: whatever reached it
 * counts as kept, so a disk that acknowledges from a volatile cache would lose more.
 *
 * Needs root, and mount, umount, fallocate (util-linux), mkfs.ext4 (e2fsprogs) and cp.
 */
import { execFile } from "node:child_process";
import { existsSync, renameSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ProcessCare, SYSTEM_ENVIRONMENT, systemProgram } from "../machine/index.ts";

const run = promisify(execFile);

const SIZE_BYTES = 512 * 1024 * 1024;
const TOOLS = ["mount", "umount", "mkfs.ext4", "fallocate", "cp"];
const FILLING = "filling";
const BLOCK_BYTES = 4_096;

export class LosableDisk {
  /** Where it is mounted. */
  readonly folder: string;
  readonly #care: ProcessCare;
  readonly #home: string;
  readonly #image: string;
  readonly #filling: string[] = [];

  /** Why this machine cannot have one, with the next step; undefined when it can, as far as can be told without trying. */
  static problem(): string | undefined {
    if (process.platform !== "linux") return "a disk that can be taken away needs Linux";
    if (process.getuid?.() !== 0) return "a disk that can be taken away is mounted over a loop device: run this as root";
    const missing = TOOLS.filter((name) => systemProgram(name) === undefined);
    if (missing.length > 0) return `no ${missing.join(", ")} here: install util-linux and e2fsprogs`;
    if (!existsSync("/dev/loop-control"))
      return "this machine has no loop devices (/dev/loop-control): `modprobe loop`, or leave these faults out";
    return undefined;
  }

  /** Throws when it cannot be made or mounted. */
  static async mount(care: ProcessCare): Promise<LosableDisk> {
    const disk = new LosableDisk(care);
    try {
      writeFileSync(disk.#image, "");
      truncateSync(disk.#image, SIZE_BYTES);
      await tool("mkfs.ext4", ["-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", disk.#image]);
      await disk.#mount();
      return disk;
    } catch (error) {
      disk.release();
      throw error;
    }
  }

  /** As many, or none when one of them cannot be had. */
  static async mountAll(count: number, care: ProcessCare): Promise<LosableDisk[]> {
    const outcomes = await Promise.allSettled(Array.from({ length: count }, () => LosableDisk.mount(care)));
    const disks = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (!failed) return disks;
    for (const disk of disks) disk.release();
    throw failed.reason;
  }

  private constructor(care: ProcessCare) {
    this.#care = care;
    this.#home = care.temporaryFolder("power");
    this.#image = join(this.#home, "image");
    this.folder = care.temporaryFolder("mounted");
  }

  /** Nothing may run on it any more. What was not yet written is gone; the file system comes back as after a crash. */
  async losePower(): Promise<void> {
    const kept = join(this.#home, "kept");
    await tool("cp", ["--sparse=always", this.#image, kept]);
    // Writes what was still in memory, to the file that nobody will look at again.
    this.#care.unmount(this.folder);
    renameSync(kept, this.#image);
    await this.#mount();
  }

  /** Until no block is free, also for root. */
  async fill(): Promise<void> {
    let wanted = free(this.folder);
    while (wanted >= BLOCK_BYTES) {
      const file = join(this.folder, `${FILLING}-${this.#filling.length}`);
      this.#filling.push(file);
      try {
        await tool("fallocate", ["-l", String(wanted), file]);
        wanted = free(this.folder);
      } catch {
        // The file system wants some of it for its own books: less.
        rmSync(file, { force: true });
        wanted = Math.floor(Math.min(wanted, free(this.folder)) / 2);
      }
    }
  }

  /** There is room again. */
  empty(): void {
    for (const file of this.#filling.splice(0)) rmSync(file, { force: true });
  }

  release(): void {
    this.#care.unmount(this.folder);
    this.#care.removeFolder(this.folder);
    this.#care.removeFolder(this.#home);
  }

  async #mount(): Promise<void> {
    this.#care.mounting(this.folder);
    await tool("mount", ["-o", "loop,noatime", this.#image, this.folder]);
  }
}

function free(folder: string): number {
  const { bfree, bsize } = statfsSync(folder);
  return bfree * bsize;
}

async function tool(program: string, args: readonly string[]): Promise<void> {
  try {
    await run(program, args, { env: SYSTEM_ENVIRONMENT });
  } catch (cause) {
    const said = ((cause as { stderr?: string }).stderr ?? "").trim() || (cause as Error).message;
    throw new Error(`${program} ${args.join(" ")}: ${said}`, { cause });
  }
}
