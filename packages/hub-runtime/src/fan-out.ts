import type { HubFrame } from "@hubscale/protocol";
import type { ConnectedAgent } from "./connected-agent.ts";

/** Sends one frame to many agents of this node, serialised once. */
export function fanOut(frame: HubFrame, agents: Iterable<ConnectedAgent>, except?: string): void {
  const bytes = Buffer.from(JSON.stringify(frame));
  for (const agent of agents) {
    if (agent.agentId !== except) agent.line.sendBytes(bytes);
  }
}

export function* subscribersOf(channel: string, agents: Iterable<ConnectedAgent>): Iterable<ConnectedAgent> {
  for (const agent of agents) {
    if (agent.channels.has(channel)) yield agent;
  }
}
