/** A JSON object whose fields are yet to be looked at. */
export type JsonFields = Record<string, unknown>;

export function isFields(value: unknown): value is JsonFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
