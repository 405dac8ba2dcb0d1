import type { ExitCode } from "./exit-codes.ts";

/** What a command says when it cannot go on: each cause on a line of its own, since the first one often tells only what was tried. */
export function failureLines(error: unknown): string[] {
  const lines: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) {
    // Errors of several attempts at once (both addresses of a host) have no message of their own.
    const parts = each instanceof AggregateError && each.message === "" ? (each.errors as unknown[]) : [each];
    lines.push(...parts.map((part) => (part instanceof Error ? part.message : String(part))));
  }
  return lines.length > 0 ? lines : [String(error)];
}

export function failureText(error: unknown): string {
  return failureLines(error)
    .map((line) => `hubscale: ${line}\n`)
    .join("");
}

/** A command's way out: says why, a line for each reason, and gives the code back. */
export function failOn(stderr: { write(text: string): unknown }): (code: ExitCode, ...lines: string[]) => ExitCode {
  return (code, ...lines) => {
    for (const line of lines) stderr.write(`hubscale: ${line}\n`);
    return code;
  };
}
