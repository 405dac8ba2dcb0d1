/** In which order hubs are tried: A B C A B C, so that none has a good hour for itself. */
import type { Contender } from "./contender.ts";

type Searched = Pick<Contender, "finished" | "wouldGainByMore">;

/** A round at a time until all have had their trials; then, for as long as there is time, those that more of them would help. */
export async function takeTurns<T extends Searched>(
  contenders: readonly T[],
  trial: (contender: T) => Promise<void>,
  isTime: () => boolean,
): Promise<void> {
  const unfinished = () => contenders.filter((contender) => !contender.finished);
  for (let open = unfinished(); open.length > 0; open = unfinished()) {
    for (const contender of open) await trial(contender);
  }
  const wide = () => contenders.filter((contender) => contender.wouldGainByMore);
  for (let open = wide(); open.length > 0 && isTime(); open = wide()) {
    for (const contender of open) if (isTime()) await trial(contender);
  }
}
