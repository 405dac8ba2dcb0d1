/** 64 bits, as two signed integers. */
export interface TextHash {
  high: number;
  low: number;
}

/** Two multiplicative hashes (as cyrb53), each mixed with the other at the end, so that one changed character changes all bits. */
export function textHashOf(text: string): TextHash {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    high = Math.imul(high ^ code, 2_654_435_761);
    low = Math.imul(low ^ code, 1_597_334_677);
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return { high, low };
}

/**
 * A digest of a set of texts, whatever their order, that follows each change in O(1). Two sets that differ have the same digest
 * once in 10^19. Not against somebody who seeks such sets.
 */
export class SetDigest {
  #high = 0;
  #low = 0;

  /** Adds a text, or takes it out again. */
  toggle({ high, low }: TextHash): void {
    this.#high ^= high;
    this.#low ^= low;
  }

  /** 16 hex digits. */
  toString(): string {
    return hexOf(this.#high) + hexOf(this.#low);
  }
}

function hexOf(bits: number): string {
  return (bits >>> 0).toString(16).padStart(8, "0");
}
