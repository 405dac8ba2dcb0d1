/** What the exit status of `bench` means. */
export const EXIT = {
  ok: 0,
  /** Something failed: a server, a disk, a hub that would not start. */
  error: 1,
  /** The command line or a file that it names is wrong; nothing was started. */
  usage: 2,
  /** All went well, but the intervals do not allow a verdict. */
  inconclusive: 3,
  /** A hub broke a guarantee, it is not known whether it did, or the generator spoilt the measurement. */
  invalid: 4,
  /** A threshold of a thresholds file was missed. */
  thresholdMissed: 99,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
