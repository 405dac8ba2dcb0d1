/** The history of messages and the mailboxes of agents that are away: what both ways of keeping them (C11) share. */
import type { MessageFrame } from "@hubscale/protocol";
import { type Database, KEYS, rangeOf } from "../data-folder.ts";
import type { DurableRows, RowOperation } from "./durable-rows.ts";

export type StoredMessage = MessageFrame & { to: string | null };

/** Keys sort by time, and by order of arrival within a millisecond. */
export function messageKey(message: StoredMessage, serial: number): string {
  return KEYS.message + orderOf(message, serial);
}

export function mailboxOperation(agentId: string, message: StoredMessage, serial: number): RowOperation {
  const { to: _, ...frame } = message;
  return { type: "put", key: mailboxOf(agentId) + orderOf(message, serial), value: JSON.stringify(frame) };
}

/** Takes what an agent was sent while it was away, the oldest first; durable before it resolves. */
export async function takeMailbox(db: Database, rows: DurableRows, agentId: string): Promise<MessageFrame[]> {
  const stored = await db.iterator(rangeOf(mailboxOf(agentId))).all();
  if (stored.length === 0) return [];
  await rows.write(stored.map(([key]) => ({ type: "del", key })));
  return stored.map(([, text]) => JSON.parse(text) as MessageFrame);
}

/** Encoded, so that one agent's id cannot be the beginning of another's mailbox. */
function mailboxOf(agentId: string): string {
  return `${KEYS.mailbox}${encodeURIComponent(agentId)}/`;
}

function orderOf(message: StoredMessage, serial: number): string {
  return `${padded(message.timestamp)}-${padded(serial)}-${message.id}`;
}

/** Sixteen digits hold every safe integer. */
function padded(count: number): string {
  return String(count).padStart(16, "0");
}
