/** A table of task rows whose operations can be timed: the hub's own, or DETS. */

export const OPERATIONS = ["insertSync", "insert", "lookup", "fold"] as const;
export type Operation = (typeof OPERATIONS)[number];

export const OPERATION_NAMES: Record<Operation, string> = {
  insertSync: "insert + sync",
  insert: "insert",
  lookup: "lookup",
  fold: "fold, each row decoded",
};

export interface TimedStore {
  /** Rows that `fill` has written and every `time` leaves. */
  readonly rows: number;
  /** Bytes of one row as it is stored, without what the store adds. */
  readonly rowBytes: number;
  /** Writes rows until there are `rows`, synced at the end. */
  fill(rows: number): Promise<void>;
  /**
   * Milliseconds that `count` operations took, one after the other. Rows that were inserted for it are removed again, untimed.
   * A fold reads the table `count` times; a lookup needs rows.
   */
  time(operation: Operation, count: number): Promise<number>;
  /** Of all files of the store. */
  fileBytes(): Promise<number>;
  close(): Promise<void>;
}

/** Of rows in both stores: what a completed task with a description of some length is on the reference hub's disk. */
export const ROW_BYTES = 2_200;
