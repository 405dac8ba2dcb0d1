/**
 * Where each agent of a fleet is and what it is doing, as one row each in one block of memory: an event of a simulation touches one
 * agent's row, two lines of the processor's cache, and leaves nothing for the garbage collector.
 */
import { WALK_DOUBLES, WALK_INTS, type WalkRow } from "../task-walk.ts";

/** What an agent does when its time has come. */
export const STAGE = { begin: 0, phase: 1, sent: 2, answered: 3 } as const;

/**
 * Columns of a row that are whole numbers of 32 bits. First the numbers of the agent's host, of its endpoint (-1: the API), and of
 * its line.
 */
export const INT = { cpu: 0, endpoint: 1, line: 2, stage: 3, refusals: 4, walk: 5 } as const;
const FIRST_DOUBLE = Math.ceil((INT.walk + WALK_INTS) / 2);

/** Columns of a row that are doubles: behind the whole numbers. */
export const DOUBLE = {
  beganMs: FIRST_DOUBLE,
  /** When the task's last step was answered; negative infinity before its first. */
  lastStepMs: FIRST_DOUBLE + 1,
  lastOutputTokens: FIRST_DOUBLE + 2,
  reservedTokens: FIRST_DOUBLE + 3,
  walk: FIRST_DOUBLE + 4,
} as const;

/** 16, that is 128 bytes: processors fetch lines of 64 bytes, and often two of them that lie side by side. */
export const ROW_DOUBLES = DOUBLE.walk + WALK_DOUBLES;

/**
 * Before the first row, so that rows begin where lines do: the allocator (glibc's) puts a large block 16 bytes behind the beginning of
 * a page. Elsewhere a row may lie in three lines instead of two.
 */
const FIRST_ROW_DOUBLES = ROW_DOUBLES - 2;

/** The rows of all agents, seen as doubles and as whole numbers. */
export class AgentRows implements WalkRow {
  readonly doubles: Float64Array;
  readonly ints: Int32Array;

  constructor(agents: number) {
    this.doubles = new Float64Array(FIRST_ROW_DOUBLES + agents * ROW_DOUBLES);
    this.ints = new Int32Array(this.doubles.buffer);
  }
}

/** Where an agent's row begins, in doubles. */
export function rowOf(agent: number): number {
  return FIRST_ROW_DOUBLES + agent * ROW_DOUBLES;
}

export interface HostPlan {
  agents: number;
  hasEndpoint: boolean;
  line: number;
}

/** Host after host. Agents without an endpoint of their host's are dealt out over all endpoints one by one. */
export function rowsOfAgents(hosts: readonly HostPlan[]): AgentRows {
  const rows = new AgentRows(hosts.reduce((sum, { agents }) => sum + agents, 0));
  const endpoints = hosts.filter(({ hasEndpoint }) => hasEndpoint).length;
  let agent = 0;
  let own = 0;
  let guest = 0;
  hosts.forEach(({ agents, hasEndpoint, line }, host) => {
    for (let each = 0; each < agents; each++) {
      const others = endpoints > 0 ? guest % endpoints : -1;
      if (!hasEndpoint) guest++;
      rows.ints.set([host, hasEndpoint ? own : others, line], 2 * rowOf(agent++) + INT.cpu);
    }
    if (hasEndpoint) own++;
  });
  return rows;
}
