/**
 * The client's own history of a run, and what it says of the hub: each acknowledged task is completed or dead-lettered
 * exactly once, the generations of its assignments rise, and no completion of an overtaken generation is accepted. Pure.
 */

export type HistoryEvent =
  /** A submission was sent; its task has no id yet. */
  | { type: "submitted" }
  | { type: "acknowledged"; taskId: string }
  | { type: "assigned"; taskId: string; generation: number; agent: number }
  /** An agent handed in a completion or a failure. */
  | { type: "outcome_sent"; taskId: string; generation: number; agent: number }
  /** The hub accepted it. `generation` null: no agent of ours was waiting for this ack. */
  | { type: "outcome_acked"; taskId: string; generation: number | null; status: "complete" | "retried" | "dead_letter" }
  /** The hub refused it, as it must when the generation is overtaken. */
  | { type: "outcome_refused"; taskId: string; generation: number; error: string }
  /** What the hub answered when asked for the task; `absent`: 404. */
  | { type: "looked_up"; taskId: string; status: "queued" | "assigned" | "completed" | "dead_letter" | "absent" };

export interface HistoryVerdict {
  submitted: number;
  acknowledged: number;
  /** Acknowledged tasks that ended completed, seen by ack or by look-up. */
  completed: number;
  deadLettered: number;
  /** Acknowledged tasks that the hub does not know any more, or calls completed though no agent completed them. */
  lost: number;
  /** Tasks that ended more than once, or were handed out again after their completion was acknowledged. */
  duplicated: number;
  /** Tasks of which a completion was accepted under a generation lower than one already assigned. */
  staleAccepted: number;
  /** Tasks whose generations did not rise: two agents with the same one, or one agent with a lower after a higher. */
  generationFaults: number;
  /** Acknowledged tasks that had not ended when the run did: still queued or assigned, or nobody could tell. */
  unfinished: number;
  /** Tasks executed though their submission was never acknowledged: allowed, the answer can get lost. */
  executedUnacknowledged: number;
  /** Outcomes that the hub refused; with faults in play this is fencing at work. */
  refusals: number;
  /** The same assignment sent again to the same agent. */
  redeliveries: number;
  /** True when nothing is lost, duplicated, stale, or out of order. Unfinished tasks are judged by whoever knows the deadline. */
  clean: boolean;
  /** The first tasks of each kind of fault. */
  offenders: Record<Fault, string[]>;
}

export type Fault = "lost" | "duplicated" | "staleAccepted" | "generationFaults" | "unfinished";

const OFFENDERS_NAMED = 20;

interface Story {
  acknowledged: boolean;
  assignments: { generation: number; agent: number }[];
  /** The highest of them; -1: none yet. */
  generation: number;
  completions: number;
  deadLetters: number;
  outcomesSent: number;
  /** Highest generation whose outcome was handed in when a higher one had been seen; -1: none. */
  sentOvertaken: number;
  handedOutAfterEnd: boolean;
  stale: boolean;
  generationFault: boolean;
  lookedUp: "queued" | "assigned" | "completed" | "dead_letter" | "absent" | undefined;
}

/** Takes the events of a run one by one, in the order in which the client saw them. */
export class RunHistory {
  readonly #stories = new Map<string, Story>();
  #submitted = 0;
  #refusals = 0;
  #redeliveries = 0;

  note(event: HistoryEvent): void {
    if (event.type === "submitted") {
      this.#submitted++;
      return;
    }
    const story = this.#story(event.taskId);
    switch (event.type) {
      case "acknowledged":
        story.acknowledged = true;
        return;
      case "assigned":
        this.#assigned(story, event.generation, event.agent);
        return;
      case "outcome_sent":
        story.outcomesSent++;
        if (event.generation < story.generation) story.sentOvertaken = Math.max(story.sentOvertaken, event.generation);
        return;
      case "outcome_acked":
        if (event.status === "complete") story.completions++;
        if (event.status === "dead_letter") story.deadLetters++;
        if (event.generation !== null && isStale(story, event.generation, event.status)) story.stale = true;
        return;
      case "outcome_refused":
        this.#refusals++;
        return;
      case "looked_up":
        story.lookedUp = event.status;
        return;
    }
  }

  /** Acknowledged tasks of which no end was seen and no look-up made. */
  openTasks(): string[] {
    const open: string[] = [];
    for (const [taskId, story] of this.#stories) {
      if (story.acknowledged && !hasEnded(story) && story.lookedUp === undefined) open.push(taskId);
    }
    return open;
  }

  verdict(): HistoryVerdict {
    const offenders: Record<Fault, string[]> = {
      lost: [],
      duplicated: [],
      staleAccepted: [],
      generationFaults: [],
      unfinished: [],
    };
    const faults: Record<Fault, number> = { lost: 0, duplicated: 0, staleAccepted: 0, generationFaults: 0, unfinished: 0 };
    const accuse = (fault: Fault, taskId: string) => {
      faults[fault]++;
      if (offenders[fault].length < OFFENDERS_NAMED) offenders[fault].push(taskId);
    };
    const counts = { acknowledged: 0, completed: 0, deadLettered: 0, executedUnacknowledged: 0 };
    for (const [taskId, story] of this.#stories) {
      if (story.stale) accuse("staleAccepted", taskId);
      if (story.generationFault) accuse("generationFaults", taskId);
      if (story.completions + story.deadLetters > 1 || story.handedOutAfterEnd) accuse("duplicated", taskId);
      if (!story.acknowledged) {
        if (story.outcomesSent > 0) counts.executedUnacknowledged++;
        continue;
      }
      counts.acknowledged++;
      switch (endOf(story)) {
        case "completed":
          counts.completed++;
          break;
        case "dead_letter":
          counts.deadLettered++;
          break;
        case "lost":
          accuse("lost", taskId);
          break;
        case "unfinished":
          accuse("unfinished", taskId);
          break;
      }
    }
    return {
      submitted: this.#submitted,
      ...counts,
      ...faults,
      refusals: this.#refusals,
      redeliveries: this.#redeliveries,
      clean: faults.lost + faults.duplicated + faults.staleAccepted + faults.generationFaults === 0,
      offenders,
    };
  }

  /**
   * Between two agents only equal generations are a fault: frames of two connections may be read in either order, and a lower
   * generation that is honoured shows as stale. One agent's connection keeps its order, so there they must rise.
   */
  #assigned(story: Story, generation: number, agent: number): void {
    if (story.completions + story.deadLetters > 0) story.handedOutAfterEnd = true;
    for (const earlier of story.assignments) {
      if (earlier.agent === agent && earlier.generation === generation) {
        this.#redeliveries++;
        return;
      }
      if (earlier.generation === generation) story.generationFault = true;
      if (earlier.agent === agent && earlier.generation > generation) story.generationFault = true;
    }
    story.assignments.push({ generation, agent });
    story.generation = Math.max(story.generation, generation);
  }

  #story(taskId: string): Story {
    let story = this.#stories.get(taskId);
    if (!story) {
      story = {
        acknowledged: false,
        assignments: [],
        generation: -1,
        completions: 0,
        deadLetters: 0,
        outcomesSent: 0,
        sentOvertaken: -1,
        handedOutAfterEnd: false,
        stale: false,
        generationFault: false,
        lookedUp: undefined,
      };
      this.#stories.set(taskId, story);
    }
    return story;
  }
}

/** The verdict on a history as a whole. */
export function checkHistory(events: Iterable<HistoryEvent>): HistoryVerdict {
  const history = new RunHistory();
  for (const event of events) history.note(event);
  return history.verdict();
}

function hasEnded(story: Story): boolean {
  return story.completions + story.deadLetters > 0;
}

/**
 * An end (completion, dead letter) leaves no room for a higher generation, whichever was seen first. A failure does: the retry
 * that it caused may reach another agent before its own ack arrives. It is stale only if it was overtaken when it was handed in.
 */
function isStale(story: Story, generation: number, status: "complete" | "retried" | "dead_letter"): boolean {
  return status === "retried" ? generation <= story.sentOvertaken : generation < story.generation;
}

/** An ack counts before a look-up: a hub may forget a completed task after a while (retention). */
function endOf(story: Story): "completed" | "dead_letter" | "lost" | "unfinished" {
  if (story.completions > 0) return "completed";
  if (story.deadLetters > 0) return "dead_letter";
  switch (story.lookedUp) {
    case "completed":
      // The ack got lost on the way. Without an outcome from any agent, though, the work was never done.
      return story.outcomesSent > 0 ? "completed" : "lost";
    case "dead_letter":
      return "dead_letter";
    case "absent":
      return "lost";
    default:
      return "unfinished";
  }
}
