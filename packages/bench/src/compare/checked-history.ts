/** The verdict on a generator's history, as it counts for a hub. */
import type { HistoryVerdict } from "../load/history-check.ts";
import type { CheckedHistory } from "./contender.ts";

export function checkedHistoryOf(verdict: HistoryVerdict): CheckedHistory {
  const { submitted, acknowledged, completed, deadLettered, lost, duplicated, offenders } = verdict;
  const staleAccepted = verdict.staleAccepted + verdict.generationFaults;
  return {
    history: { submitted, acknowledged, completed, deadLettered, lost, duplicated, staleAccepted },
    offending: [...offenders.lost, ...offenders.duplicated, ...offenders.staleAccepted, ...offenders.generationFaults],
  };
}

/** One hub under several loads, one after the other. */
export function together(checked: readonly CheckedHistory[]): CheckedHistory {
  const sum = (of: keyof CheckedHistory["history"]) => checked.reduce((total, { history }) => total + history[of], 0);
  return {
    history: {
      submitted: sum("submitted"),
      acknowledged: sum("acknowledged"),
      completed: sum("completed"),
      deadLettered: sum("deadLettered"),
      lost: sum("lost"),
      duplicated: sum("duplicated"),
      staleAccepted: sum("staleAccepted"),
    },
    offending: checked.flatMap(({ offending }) => offending),
  };
}
