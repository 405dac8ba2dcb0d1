import { CHARACTERS_PER_TOKEN } from "@hubscale/fleet-model";

/** Words of three letters: each with its blank is a token of the usual four characters. */
const WORDS = "use the new map for one row and set its key but not yet all may run ";

/** A text of so many tokens that begins with `opening`, cut if that is longer. Two texts with different openings share no prefix. */
export function textOfTokens(tokens: number, opening = ""): string {
  const characters = tokens * CHARACTERS_PER_TOKEN;
  const left = Math.max(0, characters - opening.length);
  return (opening + WORDS.repeat(Math.ceil(left / WORDS.length))).slice(0, characters);
}
