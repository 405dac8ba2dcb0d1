import type { Clock } from "@hubscale/sidecar-sim";
import type { HistoryEvent, RunHistory } from "./history-check.ts";
import type { LookUp, Submitter } from "./submitter.ts";
import type { LookedUpStatus } from "./task-story.ts";

export interface LookUpOptions {
  clock: Clock;
  submitter: Pick<Submitter, "lookUp">;
  /** Whether an agent is one of this run. */
  isOurs(agentId: string): boolean;
  /** Enters what the hub said, into `history` at least. */
  note(event: HistoryEvent): void;
  /** So many of the tasks that were completed last are asked for too; default: none. */
  completed?: number;
}

interface Question {
  taskId: string;
  afterEnd: boolean;
  /** What the hub said last. */
  said: LookUp | undefined;
}

const IN_FLIGHT = 32;
/** Between two questions for one task. */
const AGAIN_AFTER_MS = 500;
/** A hub that has said nothing of use for so long cannot be asked: twice what a single answer may take. */
const SILENT_FOR_MS = 10_000;
/** For thousands of open tasks at a hub that is slow. What is left then is not known. */
const LIMIT_MS = 60_000;

/**
 * Asks the hub for every acknowledged task of the history that was not seen to end, since an ack can get lost where the task was not.
 * What would be a loss is believed when it is said twice: a copy of the store may be a moment behind.
 */
export async function lookUpTasks(history: RunHistory, options: LookUpOptions): Promise<void> {
  const { clock, submitter, note } = options;
  const limitMs = clock.monotonicMs() + LIMIT_MS;
  let heardMs = clock.monotonicMs();
  const isOver = () => clock.monotonicMs() >= Math.min(limitMs, heardMs + SILENT_FOR_MS);
  let questions: Question[] = [
    ...history.openTasks().map((taskId) => ({ taskId, afterEnd: false, said: undefined })),
    ...history.newestCompleted(options.completed ?? 0).map((taskId) => ({ taskId, afterEnd: true, said: undefined })),
  ];
  while (questions.length > 0) {
    const remaining = questions.values();
    const again: Question[] = [];
    const worker = async () => {
      for (const question of remaining) {
        // Its ack may have come meanwhile.
        if (!question.afterEnd && !history.isOpen(question.taskId)) continue;
        const said = isOver() ? question.said : await submitter.lookUp(question.taskId);
        if (said !== undefined && said.status !== "unknown") heardMs = clock.monotonicMs();
        const isBelieved = said?.status === question.said?.status || !isLoss(question, said);
        if (said !== undefined && said.status !== "unknown" && isBelieved) note(eventOf(question, said, options));
        // That a completed task could not be asked for accuses nobody.
        else if (!question.afterEnd || isLoss(question, said)) again.push({ ...question, said });
      }
    };
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, questions.length) }, worker));
    questions = again;
    if (isOver()) break;
    if (questions.length > 0) await new Promise<void>((resolve) => clock.after(AGAIN_AFTER_MS, resolve));
  }
  for (const { taskId, afterEnd, said } of questions) {
    const why = said === undefined ? "not asked in time" : said.status === "unknown" ? said.why : `${said.status}, said once`;
    note({ type: "looked_up", taskId, afterEnd, status: "unknown", why });
  }
}

function isLoss({ afterEnd }: Question, said: LookUp | undefined): boolean {
  if (afterEnd) return said?.status === "queued" || said?.status === "assigned";
  return said?.status === "absent" || said?.status === "token_refused";
}

function eventOf(
  { taskId, afterEnd }: Question,
  said: Exclude<LookUp, { status: "unknown" }>,
  { isOurs }: LookUpOptions,
): HistoryEvent {
  const isOfOthers = said.status === "completed" && said.by !== null && !isOurs(said.by);
  const status: LookedUpStatus = isOfOthers ? "completed_by_another" : said.status;
  return { type: "looked_up", taskId, status, afterEnd };
}
