/**
 * Messages as the reference hub keeps them (C11): each stored message selects and sorts the keys of the whole history to find
 * out which are too many, and writes to each mailbox by itself.
 */
import type { MessageStore } from "@hubscale/hub-runtime";
import { LIMITS, type MessageFrame } from "@hubscale/protocol";
import { type Database, KEYS, rangeOf } from "../data-folder.ts";
import type { AgentIds } from "./agent-ids.ts";
import type { DurableRows } from "./durable-rows.ts";
import { mailboxOperation, messageKey, type StoredMessage, takeMailbox } from "./message-rows.ts";

export class SortingMessageLog implements MessageStore {
  readonly #db: Database;
  readonly #rows: DurableRows;
  readonly #agents: AgentIds;
  #serial = 0;

  constructor(db: Database, rows: DurableRows, agents: AgentIds) {
    this.#db = db;
    this.#rows = rows;
    this.#agents = agents;
  }

  async append(message: StoredMessage, offline: readonly string[]): Promise<void> {
    const serial = this.#serial++;
    await this.#rows.write([{ type: "put", key: messageKey(message, serial), value: JSON.stringify(message) }]);
    const keys = (await this.#db.keys(rangeOf(KEYS.message)).all()).sort();
    const surplus = keys.slice(0, Math.max(0, keys.length - LIMITS.messageHistoryEntries));
    if (surplus.length > 0) await this.#rows.write(surplus.map((key) => ({ type: "del", key })));
    for (const agentId of offline) await this.#rows.write([mailboxOperation(agentId, message, serial)]);
  }

  takeMailbox(agentId: string): Promise<MessageFrame[]> {
    return takeMailbox(this.#db, this.#rows, agentId);
  }

  registeredAgents(): Promise<string[]> {
    return Promise.resolve(this.#agents.all());
  }
}
