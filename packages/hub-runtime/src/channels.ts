/** Named channels and the room: at-most-once, with a short history in memory on every node. */
import type { HubFrame } from "@hubscale/protocol";
import type { ConnectedAgent } from "./connected-agent.ts";
import type { BusEvent, Clock } from "./ports.ts";

export type ChannelMessage = Extract<HubFrame, { type: "channel_message" }>;
export type RoomMessage = Extract<HubFrame, { type: "room_message" }>;

/**
 * Each node keeps what it hears on the bus, so all nodes know the same channels and histories. Sequence numbers rise along
 * what a node has heard; two nodes that publish at the same moment may give the same number.
 */
export class Channels {
  readonly #clock: Clock;
  readonly #publish: (event: BusEvent) => void;
  readonly #histories = new Map<string, { seq: number; messages: ChannelMessage[] }>();
  #roomSeq = 0;

  constructor(clock: Clock, publish: (event: BusEvent) => void) {
    this.#clock = clock;
    this.#publish = publish;
  }

  subscribe(agent: ConnectedAgent, channel: string): void {
    agent.channels.add(channel);
    agent.line.send({ type: "channel_subscribed", channel });
  }

  unsubscribe(agent: ConnectedAgent, channel: string): void {
    agent.channels.delete(channel);
    agent.line.send({ type: "channel_unsubscribed", channel });
  }

  publish(agent: ConnectedAgent, channel: string, payload: unknown): void {
    const seq = (this.#histories.get(channel)?.seq ?? 0) + 1;
    agent.line.send({ type: "channel_published", channel, seq });
    this.#publish({
      type: "broadcast",
      channel,
      frame: { type: "channel_message", channel, from: agent.agentId, payload, seq, timestamp: this.#clock.nowMs() },
    });
  }

  sayInRoom(from: string, text: string): RoomMessage {
    const frame: RoomMessage = {
      type: "room_message",
      from,
      message_type: "chat",
      seq: this.#roomSeq + 1,
      text,
      timestamp: this.#clock.nowMs(),
    };
    this.#roomSeq = frame.seq;
    this.#publish({ type: "broadcast", frame });
    return frame;
  }

  /** Oldest first, the newest `limit`. */
  history(channel: string, limit = CHANNEL_HISTORY): ChannelMessage[] {
    return this.#histories.get(channel)?.messages.slice(-limit) ?? [];
  }

  names(): string[] {
    return [...this.#histories.keys()].sort();
  }

  /** A broadcast was heard on the bus. */
  heard(frame: HubFrame): void {
    if (frame.type === "room_message") this.#roomSeq = Math.max(this.#roomSeq, frame.seq);
    if (frame.type !== "channel_message") return;
    let history = this.#histories.get(frame.channel);
    if (history) {
      // Moved to the end: the map is in order of last use.
      this.#histories.delete(frame.channel);
    } else {
      history = { seq: 0, messages: [] };
      this.#forgetOldest();
    }
    this.#histories.set(frame.channel, history);
    history.seq = Math.max(history.seq, frame.seq);
    history.messages.push(frame);
    if (history.messages.length > CHANNEL_HISTORY) history.messages.shift();
  }

  #forgetOldest(): void {
    if (this.#histories.size < CHANNELS) return;
    for (const oldest of this.#histories.keys()) {
      this.#histories.delete(oldest);
      return;
    }
  }
}

/** Messages that a channel keeps for late readers. */
const CHANNEL_HISTORY = 100;

/** Channels that are remembered; the one that was silent longest makes room. */
const CHANNELS = 1_000;
