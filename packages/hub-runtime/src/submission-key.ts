/**
 * `Idempotency-Key` of a submission: a retry with the same key and body gets the answer of the first. After
 * draft-ietf-httpapi-idempotency-key-header, whose header is a quoted string; a bare word is taken too.
 */
import { createHash } from "node:crypto";
import { LIMITS } from "@hubscale/protocol";
import type { SubmissionKey } from "./ports.ts";

const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"$/;
const BARE = /^[\x21\x23-\x2b\x2d-\x7e]+$/;

/** Null: the header is neither a string nor a word of 1 to `LIMITS.submissionKeyChars` characters. */
export function submissionKeyOf(header: string, { agentId, body }: { agentId: string; body: unknown }): SubmissionKey | null {
  const key = QUOTED.exec(header)?.[1]?.replaceAll(/\\(.)/g, "$1") ?? (BARE.test(header) ? header : "");
  if (key.length === 0 || key.length > LIMITS.submissionKeyChars) return null;
  // Keys of two submitters have nothing to do with each other.
  return { hash: sha256(JSON.stringify([agentId, key])), fingerprint: sha256(JSON.stringify(body)) };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
