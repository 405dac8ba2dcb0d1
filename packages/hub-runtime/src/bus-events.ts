import type { HubFrame } from "@hubscale/protocol";
import { fanOut, subscribersOf } from "./fan-out.ts";
import type { HubParts } from "./hub-parts.ts";
import { type BusEvent, Unavailable } from "./ports.ts";

/** What this node does about an event on the bus, its own events included. */
export function busListener(hub: HubParts, log: (line: string) => void): (event: BusEvent) => void {
  const { channels, messages, presence, resources, roster } = hub;

  return (event) => {
    switch (event.type) {
      case "deliver":
        return deliver(event.to, event.frame);
      case "broadcast":
        channels.heard(event.frame);
        if (event.frame.type === "message") return messages.deliverToAll(event.frame);
        return fanOut(event.frame, event.channel === undefined ? roster.all() : subscribersOf(event.channel, roster.all()));
      case "endpoints_changed":
        return void rereadEndpoints(hub, log);
      case "host_resources":
        return resources.put(event.host, event.resources, event.atMs);
      case "agent_joined":
      case "agent_changed":
      case "agent_left":
      case "node_here":
      case "presence_wanted":
      case "snapshot_wanted":
      case "presence_snapshot":
        return presence.receive(event);
    }
  };

  function deliver(agentId: string, frame: HubFrame): void {
    const agent = roster.get(agentId);
    if (!agent) return;
    if (frame.type === "task_cancelled") roster.release(agentId, frame.task_id);
    else if (frame.type === "message") messages.deliverTo(agent, frame);
    else agent.line.send(frame);
  }
}

/** Never rejects. A registration of another node may have gone unheard, so this is also done from time to time. */
export async function rereadEndpoints({ endpoints, onBroken }: HubParts, log: (line: string) => void): Promise<void> {
  try {
    await endpoints.reload();
  } catch (error) {
    if (error instanceof Unavailable) log(`the endpoints could not be read again: ${error.message}`);
    else onBroken(error);
  }
}
