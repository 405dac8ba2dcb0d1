/** What an open-ended supply of different, equally sized tasks looks like on the wire. */
const WORDS = "add a unit test for the parser and make the build pass on a clean checkout before the review of the change ";

export interface TaskSize {
  descriptionChars: number;
  metadataBytes: number;
}

/**
 * The JSON bodies of submissions: a description of `descriptionChars` and metadata of about `metadataBytes`, explicit tier
 * `trivial`, so that the task runs in the sidecar and every hub routes it alike. `{}` is the smallest metadata.
 */
export function taskBody(size: TaskSize): string {
  const { description, note } = taskText(size);
  return JSON.stringify({ description, complexity_tier: "trivial", metadata: note === "" ? {} : { note } });
}

/** `note` fills the metadata. */
export function taskText({ descriptionChars, metadataBytes }: TaskSize): { description: string; note: string } {
  const description = WORDS.repeat(Math.ceil(descriptionChars / WORDS.length)).slice(0, descriptionChars);
  return { description, note: "x".repeat(Math.max(0, metadataBytes - '{"note":""}'.length)) };
}
