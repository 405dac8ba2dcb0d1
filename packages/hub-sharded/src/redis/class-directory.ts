/** The routing classes that were ever used, each with its number. Numbers are given out by Redis and never change. */
import { runScript } from "./queue-scripts.ts";
import type { RedisClient } from "./redis-link.ts";
import { ROUTING_CLASSES_MAX } from "../task-id.ts";

export class ClassDirectory {
  readonly #redis: RedisClient;
  readonly #key: string;
  readonly #numberOf = new Map<string, number>();
  readonly #nameOf = new Map<number, string>();

  constructor(redis: RedisClient, namespace: string) {
    this.#redis = redis;
    this.#key = `${namespace}:classes`;
  }

  /** Reads the classes that other nodes have registered; those that this node did not know are the result. */
  async refresh(): Promise<number[]> {
    if ((await this.#redis.hlen(this.#key)) === this.#nameOf.size) return [];
    const known = await this.#redis.hgetall(this.#key);
    const fresh: number[] = [];
    for (const [name, number] of Object.entries(known)) if (this.#learn(name, Number(number))) fresh.push(Number(number));
    return fresh;
  }

  /** Undefined: not used yet, as far as this node knows. */
  numberOf(name: string): number | undefined {
    return this.#numberOf.get(name);
  }

  nameOf(number: number): string | undefined {
    return this.#nameOf.get(number);
  }

  /** Gives the class a number, the same on all nodes. Undefined: there are too many classes. */
  async register(name: string): Promise<number | undefined> {
    const number = await runScript(this.#redis, "hubscaleNumber", [this.#key, name, ROUTING_CLASSES_MAX]);
    if (number < 0) return undefined;
    this.#learn(name, number);
    return number;
  }

  #learn(name: string, number: number): boolean {
    if (this.#numberOf.has(name)) return false;
    this.#numberOf.set(name, number);
    this.#nameOf.set(number, name);
    return true;
  }
}
