/** What the hub has done for its tasks since its start, counted where it is done: why it costs what it costs. */
export interface WorkCounters {
  /** Synced writes of the task table; two for each change in the reference (C1, C6). */
  fsyncs: number;
  /** Task rows written whole; over `fsyncs` it is the size of a commit (C1). Removals are not in it. */
  rowsWritten: number;
  /** Task rows read and decoded in full scans of the table (C2, C3, C8). */
  rowsRead: number;
  /** C10. */
  schedulingPasses: number;
  /** Agents that a scheduling pass asked for their state (C3). */
  agentStatesRead: number;
}

export function noWork(): WorkCounters {
  return { fsyncs: 0, rowsWritten: 0, rowsRead: 0, schedulingPasses: 0, agentStatesRead: 0 };
}
