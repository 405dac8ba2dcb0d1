/** What clients saw while faults happened, so that a task that a guarantee did not hold for can be accounted for. */
import type { SidecarEvent } from "@hubscale/sidecar-sim";
import type { HistoryEvent } from "../load/history-check.ts";

type SeenEvent = Extract<HistoryEvent, { taskId: string }> | SidecarEvent;

/** In order. Of events on the wire as the sidecar tells them, without the work's result. */
export type TaskAccount = { atMs: number; event: Record<string, unknown> }[];

export class TaskLog {
  readonly #seen: { atMs: number; event: SeenEvent }[] = [];

  note(atMs: number, event: SeenEvent): void {
    this.#seen.push({ atMs, event });
  }

  /** All that concerns the task, and what became of the connections of the agents that were given it. */
  accountOf(taskId: string): TaskAccount {
    const isOfTask = (event: SeenEvent) => "taskId" in event && event.taskId === taskId;
    const agents = new Set(
      this.#seen.flatMap(({ event }) => (event.type === "assigned" && event.taskId === taskId ? [event.agent] : [])),
    );
    const isOfConnection = (event: SeenEvent) => !("taskId" in event) && agents.has(event.agent);
    return this.#seen
      .filter(({ event }) => isOfTask(event) || isOfConnection(event))
      .map(({ atMs, event }) => ({
        atMs,
        event: Object.fromEntries(Object.entries(event).filter(([name]) => !LEFT_OUT.has(name))),
      }));
  }
}

/** The time is told beside the event. */
const LEFT_OUT = new Set(["atMs", "result"]);
