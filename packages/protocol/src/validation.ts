/** Checks a value against a schema of this package and names what is wrong in the contract's own words. */
import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import type { FieldError, SidecarFrame, SidecarFrameType } from "./frames.ts";
import { SIDECAR_FRAMES } from "./frames.ts";

export type Checked<T> = { ok: true; value: T } | { ok: false; errors: FieldError[] };

/** Returns a checker for one schema; compile once, use for every value. */
export function checkerOf<T>(schema: TSchema): (value: unknown) => Checked<T> {
  const compiled: Validator = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return { ok: true, value: value as T };
    return { ok: false, errors: fieldErrors(compiled, value) };
  };
}

/** Checks an incoming frame. `known` is the hub's vocabulary: the reference does not know every frame that others do. */
export function frameCheckerOf(known: readonly SidecarFrameType[]): (frame: { type?: unknown }) => Checked<SidecarFrame> {
  const byType = new Map<unknown, (value: unknown) => Checked<SidecarFrame>>();
  for (const type of known) byType.set(type, checkerOf<SidecarFrame>(SIDECAR_FRAMES[type]));
  const knownTypes = [...known].sort();
  return (frame) => {
    const check = byType.get(frame.type);
    if (check) return check(frame);
    return {
      ok: false,
      errors: [
        {
          field: "type",
          error: "unknown_message_type",
          detail: `unknown message type '${String(frame.type)}'`,
          known_types: knownTypes,
        },
      ],
    };
  };
}

/** The error tree of a failed check, flattened to one entry for each bad field, for the first `FIELDS_NAMED`. */
function fieldErrors(compiled: Validator, value: unknown): FieldError[] {
  const byField = new Map<string, FieldError>();
  for (const issue of compiled.Errors(value)) {
    if (byField.size >= FIELDS_NAMED) break;
    const path = issue.instancePath.slice(1).replaceAll("/", ".");
    if (issue.keyword === "required") {
      for (const name of issue.params.requiredProperties) {
        const field = path === "" ? name : `${path}.${name}`;
        byField.set(field, { field, error: "required", detail: "field is required" });
      }
      continue;
    }
    const field = path === "" ? "body" : path;
    const found = describe(field, issue.keyword, issue.message);
    const earlier = byField.get(field);
    // A nullable field fails twice: once for its own type, once for null. The first, more telling, entry stays.
    if (found && !earlier) byField.set(field, found);
  }
  return [...byField.values()].sort((a, b) => (a.field < b.field ? -1 : 1));
}

/** A list of wrong items would be answered with a far longer one. */
const FIELDS_NAMED = 20;

function describe(field: string, keyword: string, message: string): FieldError | undefined {
  switch (keyword) {
    case "type":
      return { field, error: "wrong_type", detail: message };
    case "maxLength":
    case "maxItems":
      return { field, error: "too_long", detail: message };
    case "anyOf":
    case "properties":
      return undefined;
    default:
      return { field, error: "invalid_value", detail: message };
  }
}
