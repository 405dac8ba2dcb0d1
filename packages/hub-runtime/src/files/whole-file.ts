/** The one way in which files that are read again are written. */
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * Writes the file whole or not at all, whatever happens meanwhile: beside it, synced, renamed, and the rename synced. When it
 * returns, the file survives a power cut. `mode`: of a file that is new. Throws the system's error, and leaves the old file then. A link stays, and what it names is written.
 */
export function writeWholeFile(path: string, content: string, { mode = 0o666 }: { mode?: number } = {}): void {
  const there = statSync(path, { throwIfNoEntry: false });
  // A pipe, a terminal: written to, never replaced.
  if (there && !there.isFile()) return writeFileSync(path, content);
  const file = there ? realpathSync(path) : path;
  const partial = join(dirname(file), `${basename(file)}.partial`);
  try {
    const descriptor = openSync(partial, "w", mode);
    try {
      const bytes = Buffer.from(content);
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  syncFolder(dirname(file));
}

/** So that a file or folder that was made, renamed or removed in it is so after a power cut too. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
