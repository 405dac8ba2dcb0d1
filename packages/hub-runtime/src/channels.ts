/** Named channels and the room: at-most-once, with a short history in memory on every node. */
import { type HubFrame, LIMITS } from "@hubscale/protocol";
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
  /** In order of last use. */
  readonly #histories = new Map<string, ChannelHistory>();
  #historyBytes = 0;
  #roomSeq = 0;

  constructor(clock: Clock, publish: (event: BusEvent) => void) {
    this.#clock = clock;
    this.#publish = publish;
  }

  subscribe(agent: ConnectedAgent, channel: string): void {
    if (agent.channels.size >= LIMITS.channelSubscriptions && !agent.channels.has(channel)) {
      agent.line.send({ type: "error", error: "too_many_channels" });
      return;
    }
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
      history = { seq: 0, messages: [], bytes: [] };
      this.#forgetOldestChannel();
    }
    this.#histories.set(frame.channel, history);
    history.seq = Math.max(history.seq, frame.seq);
    const bytes = JSON.stringify(frame.payload).length;
    history.messages.push(frame);
    history.bytes.push(bytes);
    this.#historyBytes += bytes;
    if (history.messages.length > CHANNEL_HISTORY) this.#forgetOldestMessage(history);
    this.#shrink();
  }

  #forgetOldestMessage(history: ChannelHistory): void {
    history.messages.shift();
    this.#historyBytes -= history.bytes.shift() ?? 0;
  }

  /** The channels that were silent longest give up their messages first; they keep their numbering. */
  #shrink(): void {
    for (const history of this.#histories.values()) {
      while (this.#historyBytes > HISTORY_BYTES && history.messages.length > 0) this.#forgetOldestMessage(history);
      if (this.#historyBytes <= HISTORY_BYTES) return;
    }
  }

  #forgetOldestChannel(): void {
    if (this.#histories.size < CHANNELS) return;
    for (const [oldest, history] of this.#histories) {
      while (history.messages.length > 0) this.#forgetOldestMessage(history);
      this.#histories.delete(oldest);
      return;
    }
  }
}

interface ChannelHistory {
  seq: number;
  messages: ChannelMessage[];
  /** Size of each message's payload, in characters of JSON. */
  bytes: number[];
}

/** Messages that a channel keeps for late readers. */
const CHANNEL_HISTORY = 100;

/** Channels that are remembered; the one that was silent longest makes room. */
const CHANNELS = 1_000;

/** Of all channels together: plenty for chat, and what a client can make the hub keep in memory has an end. */
const HISTORY_BYTES = 16_777_216;
