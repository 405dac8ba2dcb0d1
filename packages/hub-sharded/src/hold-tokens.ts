/** Gives each hold a token of its own: the node, the agent, and a number that no other start of the node has given out. */
import type { RandomHex } from "@hubscale/hub-runtime";

export class HoldTokens {
  readonly #node: string;
  readonly #start: string;
  #given = 0;

  constructor(node: string, randomHex: RandomHex) {
    this.#node = node;
    this.#start = randomHex(6);
  }

  next(agentId: string): string {
    return `${this.#node} ${agentId} ${this.#start} ${++this.#given}`;
  }
}
