/** Messages between agents: stored first, then acknowledged, then delivered. */
import type { MessageFrame, SidecarFrameOf } from "@hubscale/protocol";
import type { ConnectedAgent } from "./connected-agent.ts";
import { fanOut } from "./fan-out.ts";
import { MAILBOX_GATE_MS } from "./mailbox-gate.ts";
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

  /** What was sent to the agent while it was away, oldest first, and then what has come since. Rejects as the store does. */
  async deliverMailbox(agent: ConnectedAgent): Promise<void> {
    const { clock, roster, store } = this.#options;
    const gate = agent.mailboxGate;
    let mailbox: MessageFrame[] = [];
    try {
      mailbox = await store.takeMailbox(agent.agentId);
    } finally {
      const messages = gate?.open(mailbox) ?? [];
      if (mailbox.length === 0) agent.mailboxGate = undefined;
      if (agent.line.isOpen && roster.isPresent(agent)) for (const message of messages) agent.line.send(message);
      else await this.#readdress(agent.agentId, messages);
    }
    if (mailbox.length > 0) clock.after(MAILBOX_GATE_MS, () => (agent.mailboxGate = undefined));
  }

  /** A message for one agent of this node. */
  deliverTo(agent: ConnectedAgent, message: MessageFrame): void {
    if (!agent.mailboxGate || agent.mailboxGate.admit(message)) agent.line.send(message);
  }

  /** A message for all agents of this node. */
  deliverToAll(message: MessageFrame): void {
    const open: ConnectedAgent[] = [];
    for (const agent of this.#options.roster.all()) {
      if (agent.mailboxGate) this.deliverTo(agent, message);
      else open.push(agent);
    }
    fanOut(message, open);
  }

  /** The connection that they were taken for is gone: to the one that took over, or back into the mailbox. */
  async #readdress(to: string, messages: readonly MessageFrame[]): Promise<void> {
    for (const message of messages) {
      await this.#options.store.append({ ...message, to }, await this.#offline(to));
      this.#deliver(to, message);
    }
  }

  #deliver(to: string | null, frame: MessageFrame): void {
    const { roster, publish } = this.#options;
    if (to === null) return publish({ type: "broadcast", frame });
    const local = roster.get(to);
    if (local) return this.deliverTo(local, frame);
    publish({ type: "deliver", to, frame });
  }

  /** The registered agents among the addressees that have no connection that takes messages. */
  async #offline(to: string | null): Promise<string[]> {
    if (to !== null && this.#isReachable(to)) return [];
    const registered = await this.#options.store.registeredAgents();
    if (to !== null) return registered.includes(to) ? [to] : [];
    return registered.filter((agentId) => !this.#isReachable(agentId));
  }

  /** An agent of this node whose connection is being closed may still be listed, but hears nothing more. */
  #isReachable(agentId: string): boolean {
    const { presence, roster } = this.#options;
    return roster.get(agentId)?.line.isOpen ?? presence.isOnline(agentId);
  }
}
