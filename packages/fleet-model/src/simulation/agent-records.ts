/**
 * Where each agent of a fleet is and what it is doing. What most of its events need is one row of 64 bytes, a line of the processor's
 * cache: a simulation of many agents takes most of its time to come by their memory. Nothing is left for the garbage collector.
 */
import { WALK_BYTES, WALK_DOUBLES, WALK_INTS, type WalkRow } from "../task-walk.ts";

/** What an agent does when its time has come. */
export const STAGE = { begin: 0, phase: 1, sent: 2, answered: 3 } as const;

/** Columns of a row: first doubles, then whole numbers of 32 bits, then bytes. Each is counted in its own size from the row's beginning. */
export const DOUBLE = {
  /** When the task's last step was answered; negative infinity before its first. */
  lastStepMs: 0,
  walk: 1,
} as const;
const FIRST_INT = 2 * (DOUBLE.walk + WALK_DOUBLES);
export const INT = {
  /** Tokens are whole numbers below 2^31, those that a limit of the API reserves too. */
  lastOutputTokens: FIRST_INT,
  reservedTokens: FIRST_INT + 1,
  refusals: FIRST_INT + 2,
  walk: FIRST_INT + 3,
} as const;
const FIRST_BYTE = 4 * (INT.walk + WALK_INTS);
export const BYTE = { stage: FIRST_BYTE, walk: FIRST_BYTE + 1 } as const;

/** 8: a line. */
const ROW_DOUBLES = Math.ceil((BYTE.walk + WALK_BYTES) / 8);

/**
 * Before the first row, so that rows begin where lines do: the allocator (glibc's) puts a large block 16 bytes behind the beginning of
 * a page. Elsewhere a row may lie in two lines.
 */
const FIRST_ROW_DOUBLES = 6;

/** Where an agent's row begins, in doubles. */
export function rowOf(agent: number): number {
  return FIRST_ROW_DOUBLES + agent * ROW_DOUBLES;
}

export interface HostPlan {
  agents: number;
  hasEndpoint: boolean;
}

export class AgentRecords implements WalkRow {
  /** The rows, in three sizes of number. */
  readonly doubles: Float64Array;
  readonly ints: Int32Array;
  readonly bytes: Uint8Array;
  /** Two for each agent: its host, and its endpoint (-1: the API). */
  readonly places: Int32Array;
  /** By agent: when its task began. */
  readonly beganMs: Float64Array;

  /** Host after host. Agents without an endpoint of their host's are dealt out over all endpoints one by one. */
  constructor(plans: readonly HostPlan[]) {
    const agents = plans.reduce((sum, plan) => sum + plan.agents, 0);
    this.doubles = new Float64Array(FIRST_ROW_DOUBLES + agents * ROW_DOUBLES);
    this.ints = new Int32Array(this.doubles.buffer);
    this.bytes = new Uint8Array(this.doubles.buffer);
    this.places = new Int32Array(2 * agents);
    this.beganMs = new Float64Array(agents);
    const endpoints = plans.filter(({ hasEndpoint }) => hasEndpoint).length;
    let agent = 0;
    let own = 0;
    let guest = 0;
    plans.forEach((plan, host) => {
      for (let each = 0; each < plan.agents; each++) {
        const others = endpoints > 0 ? guest % endpoints : -1;
        if (!plan.hasEndpoint) guest++;
        this.places.set([host, plan.hasEndpoint ? own : others], 2 * agent++);
      }
      if (plan.hasEndpoint) own++;
    });
  }

  hostOf(agent: number): number {
    return this.places[2 * agent] as number;
  }

  /** -1: the API. */
  endpointOf(agent: number): number {
    return this.places[2 * agent + 1] as number;
  }

  /** Reads a number of each line that the agent's next event will need. */
  glance(agent: number): number {
    return (this.doubles[rowOf(agent)] as number) + (this.places[2 * agent] as number);
  }
}
