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
  /** The last answer of each. */
  const said = new Map<string, LookUp>();
  const settled = new Set<string>();
  // Anew each time: a submission may be acknowledged late.
  const open = () => history.openTasks().filter((taskId) => !settled.has(taskId));
  let completed = history.newestCompleted(options.completed ?? 0);
  for (;;) {
    const questions: Question[] = [
      ...open().map((taskId) => ({ taskId, afterEnd: false })),
      ...completed.map((taskId) => ({ taskId, afterEnd: true })),
    ];
    completed = [];
    const remaining = questions.values();
    const worker = async () => {
      for (const question of remaining) {
        const { taskId, afterEnd } = question;
        // Its ack may have come meanwhile.
        if (isOver() || (!afterEnd && !history.isOpen(taskId))) continue;
        const answer = await submitter.lookUp(taskId);
        if (answer.status !== "unknown") heardMs = clock.monotonicMs();
        const isBelieved = !isLoss(question, answer) || answer.status === said.get(taskId)?.status;
        said.set(taskId, answer);
        if (answer.status !== "unknown" && isBelieved) {
          settled.add(taskId);
          note(eventOf(question, answer, options));
        } else if (afterEnd && answer.status !== "unknown") completed.push(taskId);
      }
    };
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, questions.length) }, worker));
    const left = open();
    if (left.length === 0 && completed.length === 0) return;
    if (isOver()) {
      for (const taskId of left) note({ type: "looked_up", taskId, status: "unknown", why: whyNot(said.get(taskId)) });
      return;
    }
    await new Promise<void>((resolve) => clock.after(AGAIN_AFTER_MS, resolve));
  }
}

function whyNot(answer: LookUp | undefined): string {
  if (answer === undefined) return "not asked in time";
  return answer.status === "unknown" ? answer.why : `${answer.status}, said once`;
}

function isLoss({ afterEnd }: Question, { status }: LookUp): boolean {
  return afterEnd ? status === "queued" || status === "assigned" : status === "absent" || status === "token_refused";
}

function eventOf(
  { taskId, afterEnd }: Question,
  answer: Exclude<LookUp, { status: "unknown" }>,
  { isOurs }: LookUpOptions,
): HistoryEvent {
  const isOfOthers = answer.status === "completed" && answer.by !== null && !isOurs(answer.by);
  const status: LookedUpStatus = isOfOthers ? "completed_by_another" : answer.status;
  return { type: "looked_up", taskId, status, afterEnd };
}
