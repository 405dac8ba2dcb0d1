/** What a client saw of one task, and what that makes of it. Pure. */

export type HistoryEvent =
  /** A submission was sent; its task has no id yet. */
  | { type: "submitted" }
  | { type: "acknowledged"; taskId: string }
  | { type: "assigned"; taskId: string; generation: number; agent: number }
  /** An agent handed in a completion or a failure. */
  | { type: "outcome_sent"; taskId: string; generation: number; agent: number }
  /** The hub accepted it. `generation` null: the agent did not wait for this ack. */
  | { type: "outcome_acked"; taskId: string; generation: number | null; agent: number; status: AckedStatus }
  /** The hub refused it, as it must when the generation is overtaken. */
  | { type: "outcome_refused"; taskId: string; generation: number; agent: number; error: string }
  /** What became of a question to the hub; `afterEnd`: it was asked when the task had been seen to end. */
  | { type: "looked_up"; taskId: string; status: LookedUpStatus; afterEnd?: boolean; why?: string }
  /** An answer or a frame that breaks the contract, and says nothing that could be relied on. `what`: one of a few fixed texts. */
  | { type: "protocol_fault"; what: string };

type AckedStatus = "complete" | "retried" | "dead_letter";

/**
 * `absent`: 404. `token_refused`: the hub answers, and does not know the submitter any more. `completed_by_another`: by an agent that
 * is none of this run's. `unknown`: it could not be asked; `why` says what it did.
 */
export type LookedUpStatus =
  | "queued"
  | "assigned"
  | "completed"
  | "completed_by_another"
  | "dead_letter"
  | "absent"
  | "token_refused"
  | "unknown";

/** An outcome that an agent handed in. */
interface Outcome {
  agent: number;
  generation: number;
  /** By an ack or a refusal. */
  answered: boolean;
}

export interface Story {
  /** How many submissions got this id. */
  acknowledgements: number;
  assignments: { generation: number; agent: number }[];
  /** The highest of them; -1: none yet. */
  generation: number;
  outcomes: Outcome[];
  /** Accepted; of one agent's outcome under one generation once, however often the ack comes. */
  ends: { agent: number; generation: number; status: "complete" | "dead_letter" }[];
  /** Highest generation whose outcome was handed in when a higher one had been seen; -1: none. */
  sentOvertaken: number;
  handedOutAfterEnd: boolean;
  stale: boolean;
  generationFault: boolean;
  lookedUp: LookedUpStatus | undefined;
  /** Why it is not known. */
  why: string | undefined;
  /** It was acknowledged, and the hub says later that the task is still open. */
  completionForgotten: boolean;
}

export function newStory(): Story {
  return {
    acknowledgements: 0,
    assignments: [],
    generation: -1,
    outcomes: [],
    ends: [],
    sentOvertaken: -1,
    handedOutAfterEnd: false,
    stale: false,
    generationFault: false,
    lookedUp: undefined,
    why: undefined,
    completionForgotten: false,
  };
}

export function hasEnded(story: Story): boolean {
  return story.ends.length > 0;
}

export function isCompleted(story: Story): boolean {
  return story.ends.some(({ status }) => status === "complete");
}

export function isOpen(story: Story): boolean {
  const { lookedUp } = story;
  return !hasEnded(story) && lookedUp !== "completed" && lookedUp !== "completed_by_another" && lookedUp !== "dead_letter";
}

/** Null: of whatever generation. */
export function takeUnanswered(story: Story, agent: number, generation: number | null): Outcome | undefined {
  const outcome = story.outcomes.find(
    (each) => !each.answered && each.agent === agent && (generation === null || each.generation === generation),
  );
  if (outcome) outcome.answered = true;
  return outcome;
}

export function noteLookUp(story: Story, { status, afterEnd, why }: Extract<HistoryEvent, { type: "looked_up" }>): void {
  if (afterEnd === true) {
    if (status === "queued" || status === "assigned") story.completionForgotten = true;
    return;
  }
  // Lost is lost, though the hub could not be asked again.
  if (status === "unknown" && (story.lookedUp === "absent" || story.lookedUp === "token_refused")) return;
  story.lookedUp = status;
  story.why = why;
}

/**
 * An end (completion, dead letter) leaves no room for a higher generation, whichever was seen first. A failure does: the retry
 * that it caused may reach another agent before its own ack arrives. It is stale only if it was overtaken when it was handed in.
 */
export function isStale(story: Story, generation: number, status: AckedStatus): boolean {
  return status === "retried" ? generation <= story.sentOvertaken : generation < story.generation;
}

type End = { as: "completed" | "dead_letter" | "unfinished" } | { as: "lost" | "unverified"; because: string };

/**
 * An ack counts before a look-up: a hub may forget a completed task after a while (retention). It may not call it open again.
 */
export function endOf(story: Story): End {
  if (isCompleted(story)) {
    // Where it was handed out again it counts as duplicated.
    if (story.completionForgotten && !story.handedOutAfterEnd)
      return { as: "lost", because: "its completion was acknowledged, and the hub says that it is open" };
    return { as: "completed" };
  }
  if (hasEnded(story)) return { as: "dead_letter" };
  switch (story.lookedUp) {
    case "completed":
      // The ack got lost on the way. Without an outcome from any agent, though, the work was never done.
      return story.outcomes.length > 0
        ? { as: "completed" }
        : { as: "lost", because: "the hub says that it is completed, and no agent has handed it in" };
    case "completed_by_another":
      return { as: "completed" };
    case "dead_letter":
      return { as: "dead_letter" };
    case "absent":
      return { as: "lost", because: "the hub does not know it (404)" };
    case "token_refused":
      return { as: "lost", because: "the hub does not know its submitter (token refused)" };
    case "queued":
    case "assigned":
      return { as: "unfinished" };
    case "unknown":
      return { as: "unverified", because: story.why ?? "no answer" };
    case undefined:
      return { as: "unverified", because: "not asked" };
  }
}
