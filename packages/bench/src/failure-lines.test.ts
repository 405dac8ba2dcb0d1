import { expect, it } from "vitest";
import { failureLines, failureText } from "./failure-lines.ts";

it("tells an error's causes, those of several attempts, and what is no error", () => {
  const attempts = new AggregateError([new Error("refused at ::1"), new Error("refused at 127.0.0.1")], "");
  const error = new Error("no answer", { cause: new Error("not connected", { cause: attempts }) });
  expect(failureLines(error)).toEqual(["no answer", "not connected", "refused at ::1", "refused at 127.0.0.1"]);
  expect(failureLines("gone")).toEqual(["gone"]);
  expect(failureText(new Error("no answer"))).toBe("hubscale: no answer\n");
});
