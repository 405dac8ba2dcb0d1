/**
 * What each agent is doing, as one row of numbers each in one array: an event of a simulation touches the row of one agent, a few
 * lines of memory, and leaves nothing for the garbage collector.
 */
import { WALK_NUMBERS } from "../task-walk.ts";

/** What an agent does when its time has come. */
export const STAGE = { begin: 0, phase: 1, sent: 2, answered: 3 } as const;

/** Columns of a row. */
export const AGENT = {
  stage: 0,
  beganMs: 1,
  /** When the task's last step was answered; negative infinity before its first. */
  lastStepMs: 2,
  lastOutputTokens: 3,
  reservedTokens: 4,
  refusals: 5,
  /** 1: the last request was for the API by its tier; 0: it was an endpoint's that the fleet does not have. */
  isClaude: 6,
  walk: 7,
} as const;

export const AGENT_NUMBERS = AGENT.walk + WALK_NUMBERS;

/** Where the parties of a fleet are numbered: host after host, its agents, then its cores, then its endpoint if it has one. */
export interface PartyNumbers {
  parties: number;
  /** Of the agents. */
  agents: Int32Array;
  /** A row for each party. */
  facts: Int32Array;
  /** By number of the host and of the endpoint. */
  cpuParties: Int32Array;
  endpointParties: Int32Array;
}

/** Columns of a party's facts: what it is, and the numbers of its host, of its endpoint (-1: the API), and of its line. */
export const FACT = { kind: 0, cpu: 1, endpoint: 2, line: 3 } as const;
export const FACT_NUMBERS = 4;

export const PARTY = { agent: 0, cpu: 1, endpoint: 2 } as const;

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
    facts: new Int32Array(parties * FACT_NUMBERS),
    cpuParties: new Int32Array(hosts.length),
    endpointParties: new Int32Array(endpointCount),
  };
  let party = 0;
  let agent = 0;
  let own = 0;
  let guest = 0;
  const add = (kind: number, cpu: number, endpoint: number, line: number): number => {
    numbers.facts.set([kind, cpu, endpoint, line], party * FACT_NUMBERS);
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
