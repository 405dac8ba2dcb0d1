/** Every limit of the wire, with its value and its reason. Units are last in the names; lengths are in UTF-16 code units. */
export const LIMITS = {
  /** A task's description: room for a page of instructions, small enough that a row stays a few kilobytes. */
  descriptionChars: 10_000,
  agentIdChars: 128,
  statusChars: 256,
  nameChars: 256,
  tokenChars: 256,
  errorChars: 2_000,
  /** Of an error, in each entry of a task's history; the last one is kept whole beside it. */
  historyErrorChars: 256,
  repoChars: 512,
  urlChars: 512,
  channelChars: 64,
  /** More verification runs than this have never made a task pass that failed before. */
  maxVerificationRetries: 5,
  /** A task row keeps this many history entries, newest first. */
  historyEntries: 50,
  /** Messages that the hub keeps for late readers. */
  messageHistoryEntries: 10_000,
  /** One WebSocket frame or HTTP body: far above a full task (about 20 KB), far below what would hold up the event loop. */
  payloadBytes: 1_048_576,
  /** All that a connection may send before the hub knows who it is. What it then says of itself, every node keeps. */
  identifyBytes: 16_384,
  /** Of an agent, and of those that a task needs: each set of them that is waited for is a queue of its own. */
  capabilities: 64,
  /** Tasks that one task waits for; each is looked up when it is submitted. */
  dependsOn: 256,
  /** File hints, criteria, verification steps of a task. */
  taskListItems: 1_000,
  /**
   * What a client hands in to be stored or passed on, in the JSON that the hub writes: a task, the payload of a message. A record holds a task, its result and what the hub adds, and fits into one message of an engine: 1 MiB =
   * `documentBytes` + `resultBytes` + `hubRecordBytes` + `engineRoomBytes`. Smaller over an engine that takes less.
   */
  documentBytes: 786_432,
  /** A hub does not start on an engine that leaves less: a description of any 10,000 characters, with criteria and metadata. */
  documentBytesMin: 131_072,
  /** Of a result with its reports: what fits beside every task. A larger one fits beside a smaller task. */
  resultBytes: 65_536,
  /** What the hub adds to a record: `historyEntries` of at most some 1.7 KB, the last error, the routing decision, who holds it. */
  hubRecordBytes: 131_072,
  /** For the subject and the headers of an engine's message. */
  engineRoomBytes: 65_536,
  /**
   * Arrays and objects within each other. Real frames have about five; from some 5,000 on a value that can be read can no longer be
   * written again, since JSON.stringify runs out of stack.
   */
  jsonDepth: 512,
  /** Of an `Idempotency-Key`: any UUID, and what people put together themselves. */
  submissionKeyChars: 255,
  /** Channels that one agent may listen to. */
  channelSubscriptions: 1_000,
  /** LLM endpoints of a hub: every node polls each twice a minute. */
  endpoints: 1_000,
  /** That one agent may report: the Ollama of its machine, and what it had before it moved. */
  endpointsPerAgent: 8,
  /** Violations of the protocol within the window below that close a connection with 1008. */
  violations: 10,
  violationWindowMs: 60_000,
  /** For how long identify is refused after the first, second, and each further closure for violations. */
  violationBackoffMs: [30_000, 60_000, 300_000],
} as const;

/** Defaults of a submission, as the reference hub has them. */
export const DEFAULTS = {
  priority: "normal",
  maxRetries: 3,
  maxVerificationRetries: 5,
} as const;

/** Timers of the contract, in milliseconds. */
export const TIMERS = {
  pingEveryMs: 30_000,
  pongWithinMs: 10_000,
  acceptWithinMs: 60_000,
  reapEveryMs: 30_000,
  unseenForMs: 60_000,
  socketIdleMs: 60_000,
  stuckSweepEveryMs: 30_000,
  stuckUntouchedMs: 600_000,
  stuckWorkingMs: 1_200_000,
  overdueSweepEveryMs: 30_000,
  ttlSweepEveryMs: 60_000,
  queuedTtlMs: 600_000,
  endpointPollEveryMs: 30_000,
  endpointFailures: 2,
  /** An endpoint that a sidecar reported, that does not answer and whose sidecar is away is then forgotten. */
  endpointForgottenMs: 3_600_000,
  resourceStaleMs: 90_000,
  fallbackMs: 5_000,
  reconnectFirstMs: 1_000,
  reconnectMaxMs: 60_000,
  resourceReportFirstMs: 5_000,
  resourceReportEveryMs: 30_000,
  progressWindowMs: 100,
  rateLimitedPassOverMs: 60_000,
  /** For how long a submission is known by its `Idempotency-Key`: longer than anybody goes on trying. */
  submissionKeyKeptMs: 86_400_000,
} as const;
