/** What an open-ended supply of different, equally sized tasks looks like on the wire. */
const WORDS = "add a unit test for the parser and make the build pass on a clean checkout before the review of the change ";

/**
 * The JSON bodies of submissions: a description of `descriptionChars` and metadata of about `metadataBytes`, explicit tier
 * `trivial`, so that the task runs in the sidecar and every hub routes it alike. `{}` is the smallest metadata.
 */
export function taskBody(size: { descriptionChars: number; metadataBytes: number }): string {
  const description = WORDS.repeat(Math.ceil(size.descriptionChars / WORDS.length)).slice(0, size.descriptionChars);
  const pad = "x".repeat(Math.max(0, size.metadataBytes - '{"note":""}'.length));
  return JSON.stringify({ description, complexity_tier: "trivial", metadata: pad === "" ? {} : { note: pad } });
}
