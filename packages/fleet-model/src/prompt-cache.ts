/** The Claude API's prompt cache: prefixes that were marked once are cheap to read for a while. Sources: parameters.md B, "Caching". */

/** A prefix of a prompt that ends at a block. */
export interface Prefix {
  /** The same for the same text before and in the block. */
  key: string;
  /** All tokens up to the block's end. */
  tokens: number;
  /** The block carries `cache_control`: how long it is to be kept. */
  keepMs: number | undefined;
}

export interface CacheUse {
  readTokens: number;
  writtenTokens: number;
  /** Of `writtenTokens`, those with the long time to live. */
  writtenForHourTokens: number;
}

/** Time to live, from the last use. */
export const CACHE_TTL_MS = { "5m": 5 * 60_000, "1h": 60 * 60_000 } as const;

/** Shorter prefixes are not cached: 1,024 tokens for most models, up to 4,096 for some (the vendor's pages, as copied by gateways' docs). */
export const MIN_CACHED_TOKENS = 1_024;

/** How many prefixes the cache remembers; the oldest goes first. The real bound is not public; this one keeps memory in check. */
const MAX_PREFIXES = 100_000;

export class PromptCache {
  private readonly known = new Map<string, { expiresMs: number; keepMs: number }>();

  /**
   * `prefixes` from the shortest to the longest. What a request reads: the longest prefix that is known, up to its last marked
   * block; what it writes: from there to that block. Changes nothing.
   */
  look(prefixes: readonly Prefix[], nowMs: number): CacheUse {
    const last = prefixes.findLastIndex(isMarked);
    const marked = prefixes[last];
    if (!marked) return { readTokens: 0, writtenTokens: 0, writtenForHourTokens: 0 };
    const readTokens = this.longestKnown(prefixes.slice(0, last + 1), nowMs)?.tokens ?? 0;
    const writtenTokens = marked.tokens - readTokens;
    const writtenForHourTokens = marked.keepMs === CACHE_TTL_MS["1h"] ? writtenTokens : 0;
    return { readTokens, writtenTokens, writtenForHourTokens };
  }

  /** A request was admitted: its marked prefixes are there from now on, and what it read stays longer. */
  keep(prefixes: readonly Prefix[], nowMs: number): void {
    const upToMark = prefixes.slice(0, prefixes.findLastIndex(isMarked) + 1);
    const read = this.longestKnown(upToMark, nowMs);
    const keepMs = read && this.known.get(read.key)?.keepMs;
    if (read && keepMs !== undefined) this.remember(read.key, keepMs, nowMs);
    for (const prefix of upToMark) {
      if (isMarked(prefix)) this.remember(prefix.key, prefix.keepMs ?? CACHE_TTL_MS["5m"], nowMs);
    }
  }

  private longestKnown(prefixes: readonly Prefix[], nowMs: number): Prefix | undefined {
    return prefixes.findLast(({ key }) => this.isKnown(key, nowMs));
  }

  private isKnown(key: string, nowMs: number): boolean {
    const entry = this.known.get(key);
    return entry !== undefined && entry.expiresMs > nowMs;
  }

  private remember(key: string, keepMs: number, nowMs: number): void {
    this.known.delete(key);
    this.known.set(key, { expiresMs: nowMs + keepMs, keepMs });
    const oldest = this.known.keys().next().value;
    if (this.known.size > MAX_PREFIXES && oldest !== undefined) this.known.delete(oldest);
  }
}

function isMarked({ keepMs, tokens }: Prefix): boolean {
  return keepMs !== undefined && tokens >= MIN_CACHED_TOKENS;
}
