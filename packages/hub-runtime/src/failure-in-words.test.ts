import { expect, test } from "vitest";
import { failureInWords } from "./failure-in-words.ts";

test("a failure is told with its cause, once", () => {
  const cause = new Error("disk on fire");
  expect(failureInWords(new Error("cannot write", { cause }))).toBe("cannot write: disk on fire");
  expect(failureInWords(new Error("cannot write: disk on fire; buy another", { cause }))).toBe(
    "cannot write: disk on fire; buy another",
  );
  expect(failureInWords("odd")).toBe("odd");
});

test("a port that is taken: what to do", () => {
  const taken = Object.assign(new Error("listen EADDRINUSE: address already in use 127.0.0.1:1"), { code: "EADDRINUSE" });
  expect(failureInWords(taken)).toMatch(/--port$/);
});
