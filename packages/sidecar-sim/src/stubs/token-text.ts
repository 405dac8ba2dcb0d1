import { CHARACTERS_PER_TOKEN } from "@hubscale/fleet-model";

/** Words of three letters, so that with its blank each is a token of the usual four characters. */
const WORDS = ["the", "new", "one", "for", "has", "map", "get", "set", "key", "row", "and", "use", "but", "add", "end", "run"];

/** The text of an answer's tokens from `first` on, one string each. */
export function answerTokens(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${WORDS[(first + index) % WORDS.length]} `);
}

export function tokensIn(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}
