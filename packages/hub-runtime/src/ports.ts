/**
 * What the shared shell (HTTP and WebSocket edge, agent roster, presence) needs of a hub, and what it gives. A hub is one
 * `TaskDesk` and one `Backplane`; everything else is the same code for all of them.
 */
import type { EndpointView, HostResources, PresenceEvent, RefusalCode, TaskDraft } from "@hubscale/hub-core";
import type { HubFrame, LlmEndpoint, MessageFrame, SidecarFrameOf, Task, TaskFilter, TaskStats } from "@hubscale/protocol";

/**
 * The durable truth about tasks. A promise resolves only when its change is durable at the hub's stated level, so that the
 * edge may acknowledge at once. Commands on one task take effect in the order of the calls. A method rejects with
 * `Unavailable` when the store cannot answer now (the edge says 503 with retry-after), with `Refused` when it never takes this
 * request (413), and with anything else when the hub must stop.
 */
export interface TaskDesk {
  /**
   * Stores a new task under an id of the desk's making. Refuses unknown ids in `depends_on`. With a key that was used within
   * `TIMERS.submissionKeyKeptMs` the earlier task, or `key_reused` if the body was another one.
   */
  submit(draft: TaskDraft, key?: SubmissionKey): Promise<SubmitOutcome>;
  /** What an agent says of a task. At most once each: a repeated completion is refused by its generation. */
  report(agentId: string, report: TaskReport): Promise<ReportOutcome>;
  /** `cancel` a queued or assigned task, `retry` a dead letter, `reclaim` an assigned one; undefined: no such task in a fitting state. */
  command(taskId: string, command: "cancel" | "retry" | { reclaim: "acceptance_timeout" }): Promise<TaskChange | undefined>;
  find(taskId: string): Promise<Task | undefined>;
  /** Sorted by (priority, created_at). */
  list(filter: TaskFilter): Promise<Task[]>;
  stats(): Promise<TaskStats>;
  /** News from this node's roster and endpoints: an occasion to schedule, or to take back a lost agent's task. Never blocks. */
  notify(event: RosterEvent): void;
  /** Stops assigning, lets running commands finish, closes the store. */
  close(): Promise<void>;
}

/** Under which a submitter may hand in the same task again. Both are SHA-256, in hex. */
export interface SubmissionKey {
  /** Of the key and who uses it. */
  hash: string;
  /** Of the body. */
  fingerprint: string;
}

export type SubmittedTask = Pick<Task, "id" | "priority" | "created_at">;

export type SubmitOutcome =
  | { ok: true; task: SubmittedTask }
  | { ok: false; code: "unknown_dependency"; taskIds: string[] }
  | { ok: false; code: "key_reused" };

/** The frames by which an agent speaks about a task. */
export type TaskReportFrame =
  | SidecarFrameOf<"task_accepted">
  | SidecarFrameOf<"task_progress">
  | SidecarFrameOf<"task_complete">
  | SidecarFrameOf<"task_failed">
  | SidecarFrameOf<"task_rejected">
  | SidecarFrameOf<"task_recovering">
  | SidecarFrameOf<"state_report">
  | SidecarFrameOf<"wake_result">;

export type TaskReport = TaskReportFrame | ResultTooLarge;

/** A `task_complete` whose result does not fit into a record beside its task, which is to be a dead letter for the reason of `error`. */
export interface ResultTooLarge {
  type: "result_too_large";
  task_id: string;
  generation: number;
  error: string;
}

/**
 * `done`: what became of the task. `continue`/`abort` answer `task_recovering` and `state_report`.
 * The edge turns each into the contract's frame and moves the agent's state.
 */
export type ReportOutcome =
  | { ok: true; done: "accepted" | "noted" | "complete" | "retried" | "dead_letter" | "requeued" }
  | { ok: true; done: "continue"; generation: number }
  | { ok: true; done: "abort" }
  | { ok: false; code: RefusalCode | "not_found" | Refused["code"] };

/** `before`: the task as it was, for `previous_status` and for telling the agent that held it. */
export interface TaskChange {
  before: Task;
  after: Task | undefined;
}

export type RosterEvent =
  | { type: "agent_joined" | "agent_idle" | "agent_left"; agentId: string }
  | { type: "endpoints_changed" }
  /** This node hands out nothing more, though its agents may stay for a while and finish what they have. */
  | { type: "draining" };

/**
 * What nodes share beside tasks: tokens, endpoints, messages, and a bus. A single hub answers from its own store and loops the
 * bus back; a sharded one asks its backbone. At-most-once for `publish`; the stores are durable like tasks.
 */
export interface Backplane {
  readonly tokens: TokenStore;
  readonly endpoints: EndpointStore;
  readonly messages: MessageStore;
  /** The hub's `LIMITS.documentBytes`: what the store takes, if that is less. */
  readonly documentBytes: number;
  /** To every node, this one included, in order for one publisher; lost when a node is cut off. Must not block. */
  publish(event: BusEvent): void;
  /** Called once, before the first publish. */
  subscribe(listener: (event: BusEvent) => void): Promise<void>;
  /** Called once, before the first request: hears how many milliseconds the store took for an answer. */
  observeStore(heard: StoreObserver): void;
  /** What this hub says of itself: durability as read back from the running store within the last `CACHED_MS`, versions, sizes; counters as they are. */
  describe(): Promise<BackplaneDescription>;
  close(): Promise<void>;
}

/** What is not known here comes from a node of another version, while the hub is restarted node by node, and is passed over. */
export type BusEvent =
  | PresenceEvent<PresenceEntry>
  /** A node that has started asks the others for their beat. */
  | { type: "presence_wanted"; node: string }
  /** A frame for one agent, wherever it is connected. */
  | { type: "deliver"; to: string; frame: HubFrame }
  /** A frame for all agents; `channel` limits it to the subscribers. */
  | { type: "broadcast"; frame: HubFrame; channel?: string }
  | { type: "endpoints_changed" }
  /** What an agent's host last said of itself; `host` as in the endpoints' ids. */
  | { type: "host_resources"; host: string; resources: HostResources; atMs: number };

/** An agent as all nodes know it. */
export interface PresenceEntry {
  agent_id: string;
  name: string;
  status: string;
  capabilities: string[];
  connected_at: number;
  fsm_state: string;
  ollama_url: string | null;
}

/** Tokens are 64 hex digits; stores keep only their SHA-256. */
export interface TokenStore {
  /** False: the agent id is taken. Durable before it resolves. */
  register(agentId: string, tokenHash: string): Promise<boolean>;
  agentOf(tokenHash: string): Promise<string | undefined>;
}

export interface EndpointStore {
  save(endpoint: LlmEndpoint): Promise<void>;
  remove(id: string): Promise<boolean>;
  list(): Promise<LlmEndpoint[]>;
}

export interface MessageStore {
  /** Appends to the history (bounded) and to the mailbox of each agent named in `offline`. */
  append(message: MessageFrame & { to: string | null }, offline: readonly string[]): Promise<void>;
  /** Takes an agent's mailbox, oldest first. */
  takeMailbox(agentId: string): Promise<MessageFrame[]>;
  /** Ids of all registered agents (for mailboxes of a broadcast). */
  registeredAgents(): Promise<string[]>;
}

export type StoreObserver = (milliseconds: number) => void;

export type DurabilityLevel = "process" | "fsync";

export interface BackplaneDescription {
  hub: string;
  node: string;
  /** `verified`: the level that the running store was seen to have, and how that was seen. Null: it is not durable. */
  durability: { verified: DurabilityLevel | null; how: string };
  /** Anything a reviewer would ask for: engine versions, profile, fixes, shards, rows. */
  details: Record<string, unknown>;
}

/** Clocks and timers, handed in so that tests can turn them by hand. */
export interface Clock {
  /** Unix milliseconds: what is stored, and told to others. Jumps when somebody sets the clock. */
  nowMs(): number;
  /** Milliseconds since some moment: how long something takes. Goes on whatever is done to the wall clock. */
  monotonicMs(): number;
  /** Calls `run` every `everyMs` until cancelled. */
  every(everyMs: number, run: () => void): Cancel;
  after(delayMs: number, run: () => void): Cancel;
}
export type Cancel = () => void;

/** `byteCount` random bytes, in lower-case hex. */
export type RandomHex = (byteCount: number) => string;

/** The store cannot answer now; the caller may try again after `retryAfterMs`. */
export class Unavailable extends Error {
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs: number, options?: ErrorOptions) {
    super(message, options);
    this.name = "Unavailable";
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * The store does not take this request as it is, and to ask again would change nothing: the edge says so with `code`, and the hub
 * goes on.
 */
export class Refused extends Error {
  readonly code: "payload_too_large";
  /** What the store takes at most. */
  readonly limitBytes: number;
  constructor(code: Refused["code"], message: string, limitBytes: number) {
    super(message);
    this.name = "Refused";
    this.code = code;
    this.limitBytes = limitBytes;
  }
}

/** How the agents connected to this node look to the hub that schedules them. Implemented by the runtime's roster. */
export interface Roster {
  /** Agents that may be handed a task now: idle, not flagged, not rate limited. In order of becoming idle. */
  idleAgents(): Iterable<RosterAgent>;
  /** Whether the agent is one of `idleAgents`. The desk is told `agent_idle` when that becomes so, and asks before it relies on it. */
  isReady(agentId: string): boolean;
  get(agentId: string): RosterAgent | undefined;
  /** All local agents, whatever their state. */
  all(): Iterable<RosterAgent>;
  /**
   * Marks the agent assigned, starts its acceptance timeout, sends `task_assign`. False: it is gone or no longer idle, and the
   * task must go back.
   */
  assign(agentId: string, task: Task): boolean;
  /** Sends `task_cancelled` and frees the agent, if it holds this task. */
  release(agentId: string, taskId: string): void;
}

export interface RosterAgent {
  readonly agentId: string;
  readonly capabilities: readonly string[];
  /** Host part of the agent's `ollama_url`, to prefer agents beside an endpoint. */
  readonly ollamaHost: string | null;
  readonly state: "offline" | "idle" | "assigned" | "working" | "blocked";
  readonly taskId: string | null;
}

/** What the edge knows of the whole hub, for the desk that schedules: gathered from the bus, so up to seconds old. */
export interface HubView {
  /** The endpoint registry as routing sees it, with the resource reports that are not stale. */
  endpoints(): readonly EndpointView[];
  /** Whether the agent is connected to any node. */
  isOnline(agentId: string): boolean;
}
