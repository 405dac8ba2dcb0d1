import assert from "node:assert/strict";

/** That a 422 names this field and what is wrong with it. */
export function assertFieldError(body: unknown, field: string, error: string): void {
  const { error: kind, errors } = body as { error: string; errors: { field: string; error: string; detail: string }[] };
  assert.equal(kind, "validation_failed");
  const found = errors.find((each) => each.field === field);
  assert.equal(found?.error, error, `field ${field} in ${JSON.stringify(errors)}`);
  assert.equal(typeof found?.detail, "string");
}
