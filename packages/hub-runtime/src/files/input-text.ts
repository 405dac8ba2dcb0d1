/** The one way in for files that a person hands to a program, or that a program wrote and reads again. */
import { closeSync, openSync, readSync } from "node:fs";

/** Far above every file that is written here; what is longer is another file, or has no end, such as /dev/zero. */
export const INPUT_BYTES_MAX = 256 * 2 ** 20;

/** `problem` names the file and says in one line what is wrong with it. */
export type TextRead = { ok: true; text: string } | { ok: false; problem: string };

/** Text in UTF-8, without a byte order mark, not empty. `what` is named where the file cannot be read ("the workload"). */
export function readInputText(file: string, what = "", maxBytes = INPUT_BYTES_MAX): TextRead {
  let bytes: Buffer | undefined;
  try {
    bytes = bytesOf(file, maxBytes);
  } catch (error) {
    return { ok: false, problem: `cannot read ${what === "" ? file : `${what} '${file}'`}: ${reasonOf(error)}` };
  }
  const wrong = (problem: string): TextRead => ({ ok: false, problem: `${file} ${problem}` });
  if (bytes === undefined) return wrong(`is larger than ${maxBytes / 2 ** 20} MiB, so it is another file than it should be`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return wrong("is not text in UTF-8; save it as UTF-8, or name another file");
  }
  const nul = text.indexOf("\0");
  if (text.trim() === "" || nul === 0) return wrong("is empty, or was cut off when it was written");
  if (nul > 0) return wrong(`is not text: it holds a NUL byte in line ${lineAt(text, nul)}`);
  return { ok: true, text };
}

/** Counted from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** Undefined: there are more than `maxBytes`. Read piece by piece, since a pipe and a device have no size to ask for. */
function bytesOf(file: string, maxBytes: number): Buffer | undefined {
  const descriptor = openSync(file, "r");
  try {
    const pieces: Buffer[] = [];
    for (let size = 0; size <= maxBytes; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const length = readSync(descriptor, piece, 0, PIECE_BYTES, null);
      if (length === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, length));
      size += length;
    }
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

const PIECE_BYTES = 2 ** 16;

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EISDIR":
      return "it is a folder, not a file";
    case "ENOENT":
      return "there is no such file";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    default:
      return message;
  }
}
