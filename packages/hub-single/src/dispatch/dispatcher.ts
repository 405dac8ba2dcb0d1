import type { EndpointView } from "@hubscale/hub-core";
import type { RosterEvent } from "@hubscale/hub-runtime";
import type { RowObserver } from "../table/task-table.ts";

/**
 * Brings queued tasks and idle agents together. It hears of tasks as an observer of the table and of agents and endpoints by
 * `notify`; an assignment is durable before the agent is told.
 */
export interface Dispatcher extends RowObserver {
  notify(event: RosterEvent): void;
  /** Scheduling passes that are owed. */
  readonly debt: number;
  /** Assigns nothing more; resolves when assignments under way have ended. */
  close(): Promise<void>;
}

/** The LLM endpoints as they are now known. */
export type Endpoints = () => readonly EndpointView[];
