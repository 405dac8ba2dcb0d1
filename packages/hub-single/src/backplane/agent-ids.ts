/** The ids of all registered agents, whether or not they are connected. */
export interface AgentIds {
  all(): string[];
}
