/** Messages in a bounded log (C11 mended): the keys are known in order, and one batch adds, prunes and fills the mailboxes. */
import type { MessageStore } from "@hubscale/hub-runtime";
import { LIMITS, type MessageFrame } from "@hubscale/protocol";
import { type Database, KEYS, rangeOf } from "../data-folder.ts";
import type { AgentIds } from "./agent-ids.ts";
import type { DurableRows, RowOperation } from "./durable-rows.ts";
import { mailboxOperation, messageKey, type StoredMessage, takeMailbox } from "./message-rows.ts";

export class BoundedMessageLog implements MessageStore {
  readonly #db: Database;
  readonly #rows: DurableRows;
  readonly #agents: AgentIds;
  /** Of the history, the oldest first. */
  readonly #keys: Set<string>;
  #serial = 0;

  private constructor(db: Database, rows: DurableRows, agents: AgentIds, keys: string[]) {
    this.#db = db;
    this.#rows = rows;
    this.#agents = agents;
    this.#keys = new Set(keys);
  }

  static async open(db: Database, rows: DurableRows, agents: AgentIds): Promise<BoundedMessageLog> {
    return new BoundedMessageLog(db, rows, agents, await db.keys(rangeOf(KEYS.message)).all());
  }

  append(message: StoredMessage, offline: readonly string[]): Promise<void> {
    const serial = this.#serial++;
    const key = messageKey(message, serial);
    this.#keys.add(key);
    const operations: RowOperation[] = [{ type: "put", key, value: JSON.stringify(message) }];
    for (const oldest of this.#keys) {
      if (this.#keys.size <= LIMITS.messageHistoryEntries) break;
      this.#keys.delete(oldest);
      operations.push({ type: "del", key: oldest });
    }
    for (const agentId of offline) operations.push(mailboxOperation(agentId, message, serial));
    return this.#rows.write(operations);
  }

  takeMailbox(agentId: string): Promise<MessageFrame[]> {
    return takeMailbox(this.#db, this.#rows, agentId);
  }

  registeredAgents(): Promise<string[]> {
    return Promise.resolve(this.#agents.all());
  }
}
