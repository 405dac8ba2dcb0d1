/** Messages between agents: stored first, then acknowledged, then delivered. */
import type { MessageFrame, SidecarFrameOf } from "@hubscale/protocol";
import type { ConnectedAgent } from "./connected-agent.ts";
import type { BusEvent, Clock, MessageStore, RandomHex } from "./ports.ts";
import type { PresenceBoard } from "./presence-board.ts";
import type { LocalRoster } from "./roster.ts";

export interface MessagesOptions {
  clock: Clock;
  randomHex: RandomHex;
  store: MessageStore;
  roster: LocalRoster;
  presence: PresenceBoard;
  publish(event: BusEvent): void;
}

export class Messages {
  readonly #options: MessagesOptions;

  constructor(options: MessagesOptions) {
    this.#options = options;
  }

  /** To one agent, or to all, the sender included. Rejects as the store does. */
  async send(from: ConnectedAgent, sent: SidecarFrameOf<"message">): Promise<void> {
    const { clock, randomHex, store } = this.#options;
    const to = sent.to ?? null;
    const message: MessageFrame = {
      type: "message",
      id: randomHex(8),
      from: from.agentId,
      message_type: sent.message_type ?? "chat",
      payload: sent.payload,
      reply_to: sent.reply_to ?? null,
      timestamp: clock.nowMs(),
    };
    await store.append({ ...message, to }, await this.#offline(to));
    from.line.send({ type: "message_sent", id: message.id });
    this.#deliver(to, message);
  }

  /** What was sent to the agent while it was away, oldest first. */
  async deliverMailbox(agent: ConnectedAgent): Promise<void> {
    for (const message of await this.#options.store.takeMailbox(agent.agentId)) agent.line.send(message);
  }

  #deliver(to: string | null, frame: MessageFrame): void {
    const { roster, publish } = this.#options;
    if (to === null) return publish({ type: "broadcast", frame });
    const local = roster.get(to);
    if (local) return local.line.send(frame);
    publish({ type: "deliver", to, frame });
  }

  /** The registered agents among the addressees that have no connection. */
  async #offline(to: string | null): Promise<string[]> {
    const { presence, store } = this.#options;
    if (to !== null && presence.isOnline(to)) return [];
    const registered = await store.registeredAgents();
    if (to !== null) return registered.includes(to) ? [to] : [];
    return registered.filter((agentId) => !presence.isOnline(agentId));
  }
}
