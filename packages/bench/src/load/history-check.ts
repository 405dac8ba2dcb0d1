/**
 * The client's own history of a run, and what it says of the hub: each acknowledged task is completed or dead-lettered
 * exactly once, the generations of its assignments rise, and no completion of an overtaken generation is accepted. Pure.
 */
import type { SidecarEvent } from "@hubscale/sidecar-sim";
import {
  endOf,
  hasEnded,
  type HistoryEvent,
  isCompleted,
  isOpen,
  isStale,
  newStory,
  noteLookUp,
  type Story,
  takeUnanswered,
} from "./task-story.ts";

export type { HistoryEvent };

export interface HistoryVerdict {
  submitted: number;
  /** Submissions with an id. */
  acknowledged: number;
  /** Acknowledged tasks that ended completed, seen by ack or by look-up. */
  completed: number;
  deadLettered: number;
  /** Acknowledged tasks that the hub does not have any more, or never had; see `lostBecause`. */
  lost: number;
  /** Tasks that ended more than once, or were handed out again after their completion was acknowledged. */
  duplicated: number;
  /** Tasks of which a completion was accepted under a generation lower than one already assigned. */
  staleAccepted: number;
  /** Tasks whose generations did not rise: two agents with the same one, or one agent with a lower after a higher. */
  generationFaults: number;
  /** Acknowledged tasks that had not ended when the run did: still queued or assigned, as the hub says. */
  unfinished: number;
  /** Acknowledged tasks that were not seen to end and that the hub could not be asked about; see `unverifiedBecause`. */
  unverified: number;
  /** Tasks by reason. */
  lostBecause: Record<string, number>;
  unverifiedBecause: Record<string, number>;
  /** Answers and frames that break the contract, by what was wrong with them. They are counted and nothing else. */
  protocolFaults: Record<string, number>;
  /** Tasks executed though their submission was never acknowledged: allowed, the answer can get lost. */
  executedUnacknowledged: number;
  /** Outcomes that the hub refused; with faults in play this is fencing at work. */
  refusals: number;
  /** The same assignment sent again to the same agent. */
  redeliveries: number;
  /**
   * True when nothing is lost, duplicated, stale, or out of order, and nothing is left that nobody could tell. Unfinished tasks are
   * judged by whoever knows the deadline.
   */
  clean: boolean;
  /** The first tasks of each kind of fault. */
  offenders: Record<Fault, string[]>;
}

export type Fault = "lost" | "duplicated" | "staleAccepted" | "generationFaults" | "unfinished" | "unverified";

const OFFENDERS_NAMED = 20;

/** Takes the events of a run one by one, in the order in which the client saw them. */
export class RunHistory {
  readonly #stories = new Map<string, Story>();
  readonly #protocolFaults: Record<string, number> = {};
  #submitted = 0;
  #refusals = 0;
  #redeliveries = 0;

  note(event: HistoryEvent): void {
    if (event.type === "submitted") {
      this.#submitted++;
      return;
    }
    if (event.type === "protocol_fault") {
      increment(this.#protocolFaults, event.what);
      return;
    }
    const story = this.#story(event.taskId);
    switch (event.type) {
      case "acknowledged":
        story.acknowledgements++;
        return;
      case "assigned":
        this.#assigned(story, event.generation, event.agent);
        return;
      case "outcome_sent":
        story.outcomes.push({ agent: event.agent, generation: event.generation, answered: false });
        if (event.generation < story.generation) story.sentOvertaken = Math.max(story.sentOvertaken, event.generation);
        return;
      case "outcome_acked":
        this.#acked(story, event);
        return;
      case "outcome_refused":
        this.#refusals++;
        takeUnanswered(story, event.agent, event.generation);
        return;
      case "looked_up":
        noteLookUp(story, event);
        return;
    }
  }

  /** What a sidecar has to say, as far as it belongs to the history. */
  heard(event: SidecarEvent): void {
    switch (event.type) {
      case "assigned":
      case "outcome_sent":
      case "outcome_acked":
      case "outcome_refused":
      case "protocol_fault":
        this.note(event);
        return;
    }
  }

  /** Acknowledged tasks of which no end was seen, by an agent or by a look-up. */
  openTasks(): string[] {
    const open: string[] = [];
    for (const [taskId, story] of this.#stories) {
      if (story.acknowledgements > 0 && isOpen(story)) open.push(taskId);
    }
    return open;
  }

  isOpen(taskId: string): boolean {
    const story = this.#stories.get(taskId);
    return story !== undefined && isOpen(story);
  }

  /** The newest of the acknowledged tasks whose completion an agent has seen acknowledged, at most so many. */
  newestCompleted(limit: number): string[] {
    const newest: string[] = [];
    for (const [taskId, story] of [...this.#stories].reverse()) {
      if (newest.length === limit) break;
      if (story.acknowledgements > 0 && isCompleted(story)) newest.push(taskId);
    }
    return newest;
  }

  verdict(): HistoryVerdict {
    const offenders: Record<Fault, string[]> = {
      lost: [],
      duplicated: [],
      staleAccepted: [],
      generationFaults: [],
      unfinished: [],
      unverified: [],
    };
    const faults: Record<Fault, number> = {
      lost: 0,
      duplicated: 0,
      staleAccepted: 0,
      generationFaults: 0,
      unfinished: 0,
      unverified: 0,
    };
    const accuse = (fault: Fault, taskId: string, count = 1) => {
      faults[fault] += count;
      if (offenders[fault].length < OFFENDERS_NAMED) offenders[fault].push(taskId);
    };
    const counts = { acknowledged: 0, completed: 0, deadLettered: 0, executedUnacknowledged: 0 };
    const lostBecause: Record<string, number> = {};
    const unverifiedBecause: Record<string, number> = {};
    for (const [taskId, story] of this.#stories) {
      if (story.stale) accuse("staleAccepted", taskId);
      if (story.generationFault) accuse("generationFaults", taskId);
      if (story.ends.length > 1 || story.handedOutAfterEnd) accuse("duplicated", taskId);
      if (story.acknowledgements === 0) {
        if (story.outcomes.length > 0) counts.executedUnacknowledged++;
        continue;
      }
      counts.acknowledged += story.acknowledgements;
      const withoutTask = story.acknowledgements - 1;
      if (withoutTask > 0) {
        accuse("lost", taskId, withoutTask);
        increment(lostBecause, "another submission was given the same id", withoutTask);
      }
      const end = endOf(story);
      switch (end.as) {
        case "completed":
          counts.completed++;
          break;
        case "dead_letter":
          counts.deadLettered++;
          break;
        case "lost":
          accuse("lost", taskId);
          increment(lostBecause, end.because);
          break;
        case "unfinished":
          accuse("unfinished", taskId);
          break;
        case "unverified":
          accuse("unverified", taskId);
          increment(unverifiedBecause, end.because);
          break;
      }
    }
    return {
      submitted: this.#submitted,
      ...counts,
      ...faults,
      lostBecause,
      unverifiedBecause,
      protocolFaults: { ...this.#protocolFaults },
      refusals: this.#refusals,
      redeliveries: this.#redeliveries,
      clean: faults.lost + faults.duplicated + faults.staleAccepted + faults.generationFaults + faults.unverified === 0,
      offenders,
    };
  }

  /**
   * An ack that the agent did not wait for belongs to the oldest outcome of it that was not answered. Where there is none it is a
   * repetition, or the ack of somebody else's work: not an end of the task.
   */
  #acked(story: Story, { agent, generation, status }: Extract<HistoryEvent, { type: "outcome_acked" }>): void {
    const outcome = takeUnanswered(story, agent, generation);
    const accepted = generation ?? outcome?.generation;
    if (accepted === undefined) {
      const isRepeated = story.outcomes.some((each) => each.agent === agent);
      increment(
        this.#protocolFaults,
        isRepeated ? "a second task_ack of one outcome" : "task_ack of an outcome that was not handed in",
      );
      return;
    }
    if (isStale(story, accepted, status)) story.stale = true;
    if (status === "retried") return;
    if (!story.ends.some((end) => end.agent === agent && end.generation === accepted && end.status === status)) {
      story.ends.push({ agent, generation: accepted, status });
    }
  }

  /**
   * Between two agents only equal generations are a fault: frames of two connections may be read in either order, and a lower
   * generation that is honoured shows as stale. One agent's connection keeps its order, so there they must rise.
   */
  #assigned(story: Story, generation: number, agent: number): void {
    if (hasEnded(story)) story.handedOutAfterEnd = true;
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
      story = newStory();
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

function increment(counts: Record<string, number>, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by;
}
