/** What nodes tell each other in one turn, as few messages as an engine takes. */

/** The items in JSON arrays of at most that many bytes each, in their order. An item above the limit goes alone. */
export function arraysWithin(limitBytes: number, items: readonly unknown[]): string[] {
  const whole = JSON.stringify(items);
  if (whole.length * BYTES_PER_CHAR <= limitBytes) return [whole];
  const arrays: string[] = [];
  let texts: string[] = [];
  let bytes = 0;
  for (const item of items) {
    const text = JSON.stringify(item);
    // With a comma or a bracket.
    const size = Buffer.byteLength(text) + 1;
    if (texts.length > 0 && bytes + size > limitBytes) {
      arrays.push(`[${texts.join(",")}]`);
      texts = [];
      bytes = 0;
    }
    texts.push(text);
    bytes += size;
  }
  arrays.push(`[${texts.join(",")}]`);
  return arrays;
}

/** At most, of a UTF-16 code unit in UTF-8. */
const BYTES_PER_CHAR = 3;
