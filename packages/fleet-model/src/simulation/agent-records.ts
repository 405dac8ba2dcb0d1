/**
 * What each party of a fleet is, and what each agent is doing, as one row each in one block of memory: an event of a simulation touches
 * one agent's row, two lines of the processor's cache, and leaves nothing for the garbage collector.
 */
import { WALK_DOUBLES, WALK_INTS, type WalkRow } from "../task-walk.ts";

/** What an agent does when its time has come. */
export const STAGE = { begin: 0, phase: 1, sent: 2, answered: 3 } as const;

export const PARTY = { agent: 0, cpu: 1, endpoint: 2 } as const;

/**
 * Columns of a row that are whole numbers of 32 bits. First what the party is, and the numbers of its host, of its endpoint
 * (-1: the API), and of its line; the others are used by agents only.
 */
export const INT = { kind: 0, cpu: 1, endpoint: 2, line: 3, stage: 4, refusals: 5, walk: 6 } as const;

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

/** The rows of all parties, seen as doubles and as whole numbers. */
export class PartyRows implements WalkRow {
  readonly doubles: Float64Array;
  readonly ints: Int32Array;

  constructor(parties: number) {
    this.doubles = new Float64Array(FIRST_ROW_DOUBLES + parties * ROW_DOUBLES);
    this.ints = new Int32Array(this.doubles.buffer);
  }
}

/** Where a party's row begins, in doubles. */
export function rowOf(party: number): number {
  return FIRST_ROW_DOUBLES + party * ROW_DOUBLES;
}

/** Where the parties of a fleet are numbered: host after host, its agents, then its cores, then its endpoint if it has one. */
export interface PartyNumbers {
  parties: number;
  /** Of the agents. */
  agents: Int32Array;
  /** With what each party is. */
  rows: PartyRows;
  /** By number of the host and of the endpoint. */
  cpuParties: Int32Array;
  endpointParties: Int32Array;
}

export interface HostPlan {
  agents: number;
  hasEndpoint: boolean;
  line: number;
}

/** Agents without an endpoint of their host's are dealt out over all endpoints one by one. */
export function numberParties(hosts: readonly HostPlan[]): PartyNumbers {
  const agentCount = hosts.reduce((sum, { agents }) => sum + agents, 0);
  const endpointCount = hosts.filter(({ hasEndpoint }) => hasEndpoint).length;
  const parties = agentCount + hosts.length + endpointCount;
  const numbers: PartyNumbers = {
    parties,
    agents: new Int32Array(agentCount),
    rows: new PartyRows(parties),
    cpuParties: new Int32Array(hosts.length),
    endpointParties: new Int32Array(endpointCount),
  };
  let party = 0;
  let agent = 0;
  let own = 0;
  let guest = 0;
  const add = (kind: number, cpu: number, endpoint: number, line: number): number => {
    numbers.rows.ints.set([kind, cpu, endpoint, line], 2 * rowOf(party) + INT.kind);
    return party++;
  };
  hosts.forEach(({ agents, hasEndpoint, line }, host) => {
    for (let each = 0; each < agents; each++) {
      const others = endpointCount > 0 ? guest % endpointCount : -1;
      if (!hasEndpoint) guest++;
      numbers.agents[agent++] = add(PARTY.agent, host, hasEndpoint ? own : others, line);
    }
    numbers.cpuParties[host] = add(PARTY.cpu, host, -1, line);
    if (hasEndpoint) numbers.endpointParties[own] = add(PARTY.endpoint, host, own++, line);
  });
  return numbers;
}
