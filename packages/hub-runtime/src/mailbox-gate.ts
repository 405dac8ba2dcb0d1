import type { MessageFrame } from "@hubscale/protocol";

/**
 * Orders an agent's first messages after a connect. A message that was stored for it while it was away may also reach it live,
 * if it connects in between: what arrives live is held back until the mailbox has been delivered, and nothing is sent twice.
 */
export class MailboxGate {
  #held: MessageFrame[] | undefined = [];
  #delivered: ReadonlySet<string> = new Set();

  /** A message arrived live. True: send it now; false: it waits for the mailbox, or was in it. */
  admit(message: MessageFrame): boolean {
    if (!this.#held) return !this.#delivered.has(message.id);
    this.#held.push(message);
    return false;
  }

  /** The mailbox is here: what to send now, in order. */
  open(mailbox: readonly MessageFrame[]): MessageFrame[] {
    this.#delivered = new Set(mailbox.map(({ id }) => id));
    const held = (this.#held ?? []).filter(({ id }) => !this.#delivered.has(id));
    this.#held = undefined;
    return [...mailbox, ...held];
  }
}

/** A live copy that comes later than this after the mailbox is not recognised any more; buses deliver within milliseconds. */
export const MAILBOX_GATE_MS = 10_000;
