import { expect, test } from "vitest";
import { failureIn } from "./failed-result.ts";

test.each([
  [{ status: "failed", verification_status: "execution_failed" }, 'the result says "failed": execution_failed'],
  [{ status: "failed" }, 'the result says "failed": no further word'],
  [{ status: "success" }, undefined],
  [null, undefined],
  ["failed", undefined],
])("%j", (result, reason) => expect(failureIn(result)).toBe(reason));
