import type { EndpointStore } from "@hubscale/hub-runtime";
import type { LlmEndpoint } from "@hubscale/protocol";
import { type Database, KEYS, rangeOf } from "../data-folder.ts";
import type { DurableRows } from "./durable-rows.ts";

/** The LLM endpoints, one row each. */
export class EndpointRows implements EndpointStore {
  readonly #db: Database;
  readonly #rows: DurableRows;

  constructor(db: Database, rows: DurableRows) {
    this.#db = db;
    this.#rows = rows;
  }

  save(endpoint: LlmEndpoint): Promise<void> {
    return this.#rows.write([{ type: "put", key: KEYS.endpoint + endpoint.id, value: JSON.stringify(endpoint) }]);
  }

  async remove(id: string): Promise<boolean> {
    const key = KEYS.endpoint + id;
    if ((await this.#db.get(key)) === undefined) return false;
    await this.#rows.write([{ type: "del", key }]);
    return true;
  }

  async list(): Promise<LlmEndpoint[]> {
    const texts = await this.#db.values(rangeOf(KEYS.endpoint)).all();
    return texts.map((text) => JSON.parse(text) as LlmEndpoint);
  }
}
