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
  /** By party: its host's number, its endpoint's number (-1: the API), its line's number. */
  cpuOf: Int32Array;
  endpointOf: Int32Array;
  lineOf: Int32Array;
  kinds: Uint8Array;
  /** By number of the host and of the endpoint. */
  cpuParties: Int32Array;
  endpointParties: Int32Array;
}

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
    cpuOf: new Int32Array(parties),
    endpointOf: new Int32Array(parties).fill(-1),
    lineOf: new Int32Array(parties),
    kinds: new Uint8Array(parties),
    cpuParties: new Int32Array(hosts.length),
    endpointParties: new Int32Array(endpointCount),
  };
  let party = 0;
  let agent = 0;
  let own = 0;
  let guest = 0;
  hosts.forEach(({ agents, hasEndpoint, line }, host) => {
    for (let each = 0; each < agents; each++) {
      numbers.agents[agent++] = party;
      numbers.cpuOf[party] = host;
      numbers.lineOf[party] = line;
      if (hasEndpoint) numbers.endpointOf[party] = own;
      else if (endpointCount > 0) numbers.endpointOf[party] = guest++ % endpointCount;
      party++;
    }
    numbers.cpuOf[party] = host;
    numbers.kinds[party] = PARTY.cpu;
    numbers.cpuParties[host] = party++;
    if (hasEndpoint) {
      numbers.kinds[party] = PARTY.endpoint;
      numbers.endpointOf[party] = own;
      numbers.endpointParties[own++] = party++;
    }
  });
  return numbers;
}
