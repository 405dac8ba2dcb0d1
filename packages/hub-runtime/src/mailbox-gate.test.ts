import type { MessageFrame } from "@hubscale/protocol";
import { expect, test } from "vitest";
import { MailboxGate } from "./mailbox-gate.ts";

function message(id: string): MessageFrame {
  return { type: "message", id, from: "a", message_type: "chat", payload: {}, reply_to: null, timestamp: 0 };
}

test("the mailbox comes first, and nothing comes twice", () => {
  const gate = new MailboxGate();
  expect(gate.admit(message("2"))).toBe(false);
  expect(gate.admit(message("3"))).toBe(false);
  expect(gate.open([message("1"), message("2")]).map(({ id }) => id)).toEqual(["1", "2", "3"]);
  expect(gate.admit(message("1"))).toBe(false);
  expect(gate.admit(message("4"))).toBe(true);
});
