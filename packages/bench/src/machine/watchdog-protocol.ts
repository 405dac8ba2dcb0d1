/** What a program tells its watchdog, one JSON value a line. */
export type WatchdogNote =
  | { process: number; startMark: string }
  | { processEnded: number }
  | { folder: string }
  | { folderRemoved: string }
  /** A mount point. */
  | { mount: string }
  | { unmounted: string };

export const writeNote = (note: WatchdogNote): string => `${JSON.stringify(note)}\n`;
