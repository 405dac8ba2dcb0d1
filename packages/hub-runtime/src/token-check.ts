import { hash } from "node:crypto";
import type { TokenStore } from "./ports.ts";

/** What stores keep of a token. */
export function hashOfToken(token: string): string {
  return hash("sha256", token);
}

/**
 * Tells whose a token is. Verified tokens are remembered by their hash, so that a caller costs one read of the store; tokens
 * are never revoked.
 *
 * No comparison here depends on a secret in a way that time could tell: a token is looked up by its SHA-256. How long the
 * lookup takes may say how far the hash of a guess agrees with a stored hash, but who learnt even the whole stored hash would
 * still have to find 256 random bits that have it. So a table of hashes does what `timingSafeEqual` does for a single token,
 * which here there is none of: any of many tokens may be meant.
 */
export class TokenCheck {
  readonly #store: TokenStore;
  readonly #verified = new Map<string, string>();

  constructor(store: TokenStore) {
    this.#store = store;
  }

  /** The agent id; undefined: nobody's. A promise only when the store has to be asked. Rejects as the store does. */
  agentOf(token: string): string | Promise<string | undefined> | undefined {
    if (!TOKEN.test(token)) return undefined;
    const tokenHash = hashOfToken(token);
    return this.#verified.get(tokenHash) ?? this.#ask(tokenHash);
  }

  async #ask(tokenHash: string): Promise<string | undefined> {
    const agentId = await this.#store.agentOf(tokenHash);
    if (agentId === undefined) return undefined;
    if (this.#verified.size >= REMEMBERED_TOKENS) {
      for (const oldest of this.#verified.keys()) {
        this.#verified.delete(oldest);
        break;
      }
    }
    this.#verified.set(tokenHash, agentId);
    return agentId;
  }
}

const TOKEN = /^[0-9a-f]{64}$/i;

/** About 20 MB at most; a fleet larger than this asks the store now and then. */
const REMEMBERED_TOKENS = 100_000;
