/** The tokens as rows (C9 mended): a registration writes one. */
import type { TokenStore } from "@hubscale/hub-runtime";
import { type Database, KEYS, rangeOf } from "../data-folder.ts";
import type { AgentIds } from "./agent-ids.ts";
import type { DurableRows } from "./durable-rows.ts";

export class TokenRows implements TokenStore, AgentIds {
  readonly #rows: DurableRows;
  readonly #agentByHash: Map<string, string>;
  /** Registered, or being registered. */
  readonly #agentIds: Set<string>;

  private constructor(rows: DurableRows, agentByHash: Map<string, string>) {
    this.#rows = rows;
    this.#agentByHash = agentByHash;
    this.#agentIds = new Set(agentByHash.values());
  }

  static async open(db: Database, rows: DurableRows): Promise<TokenRows> {
    const stored = await db.iterator(rangeOf(KEYS.token)).all();
    return new TokenRows(rows, new Map(stored.map(([key, agentId]) => [key.slice(KEYS.token.length), agentId])));
  }

  async register(agentId: string, tokenHash: string): Promise<boolean> {
    if (this.#agentIds.has(agentId)) return false;
    this.#agentIds.add(agentId);
    try {
      await this.#rows.write([{ type: "put", key: KEYS.token + tokenHash, value: agentId }]);
    } catch (error) {
      this.#agentIds.delete(agentId);
      throw error;
    }
    this.#agentByHash.set(tokenHash, agentId);
    return true;
  }

  agentOf(tokenHash: string): Promise<string | undefined> {
    return Promise.resolve(this.#agentByHash.get(tokenHash));
  }

  all(): string[] {
    return [...this.#agentIds];
  }
}
