/** The verdict on a generator's history, as it counts for a hub. */
import type { HistoryVerdict } from "../load/history-check.ts";
import type { CheckedHistory } from "./contender.ts";

export function checkedHistoryOf(verdict: HistoryVerdict): CheckedHistory {
  const { submitted, acknowledged, completed, deadLettered, lost, duplicated, offenders } = verdict;
  const { unverified, unfinished, protocolFaults } = verdict;
  const staleAccepted = verdict.staleAccepted + verdict.generationFaults;
  return {
    history: {
      submitted,
      acknowledged,
      completed,
      deadLettered,
      lost,
      duplicated,
      staleAccepted,
      unverified,
      unfinished,
      protocolFaults,
    },
    offending: [
      ...offenders.lost,
      ...offenders.duplicated,
      ...offenders.staleAccepted,
      ...offenders.generationFaults,
      ...offenders.unverified,
    ],
  };
}

/** One hub under several loads, one after the other. */
export function together(checked: readonly CheckedHistory[]): CheckedHistory {
  const sum = (of: Exclude<keyof CheckedHistory["history"], "protocolFaults">) =>
    checked.reduce((total, { history }) => total + (history[of] ?? 0), 0);
  const protocolFaults: Record<string, number> = {};
  for (const { history } of checked) {
    for (const [what, count] of Object.entries(history.protocolFaults ?? {})) {
      protocolFaults[what] = (protocolFaults[what] ?? 0) + count;
    }
  }
  return {
    history: {
      submitted: sum("submitted"),
      acknowledged: sum("acknowledged"),
      completed: sum("completed"),
      deadLettered: sum("deadLettered"),
      lost: sum("lost"),
      duplicated: sum("duplicated"),
      staleAccepted: sum("staleAccepted"),
      unverified: sum("unverified"),
      unfinished: sum("unfinished"),
      protocolFaults,
    },
    offending: checked.flatMap(({ offending }) => offending),
  };
}
