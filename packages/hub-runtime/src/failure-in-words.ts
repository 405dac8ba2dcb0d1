/** What made a hub's program end, in a line for who started it. */

/** The message and that of its cause, unless that is quoted already; of a port that is taken also what to do. */
export function failureInWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause, code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") return `${message}; stop what listens there, or choose another port with --port`;
  return cause instanceof Error && !message.includes(cause.message) ? `${message}: ${cause.message}` : message;
}
