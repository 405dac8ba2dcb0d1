import { describe, expect, it } from "vitest";
import { EveryTriggerPasses, OnePendingPass, type Pass } from "./pass-queue.ts";

const unexpected = (error: Error) => {
  throw error;
};

describe.each([
  ["EveryTriggerPasses", (pass: Pass) => new EveryTriggerPasses(pass, unexpected), 1 + 5],
  ["OnePendingPass", (pass: Pass) => new OnePendingPass(pass, unexpected), 1 + 1],
])("%s", (name, open, expected) => {
  it("owes and makes a pass for the triggers that come while one runs, one pass at a time", async () => {
    const running = new Gate();
    let passes = 0;
    let atOnce = 0;
    const queue = open(async () => {
      passes += 1;
      expect(++atOnce).toBe(1);
      await running.opened;
      atOnce -= 1;
    });
    queue.request();
    expect(passes).toBe(0);
    await turn();
    for (let trigger = 0; trigger < 5; trigger++) queue.request();
    expect(queue.debt).toBe(name === "OnePendingPass" ? 2 : 6);
    running.open();
    await turn();
    expect(passes).toBe(expected);
    expect(queue.debt).toBe(0);
    queue.request();
    await turn();
    expect(passes).toBe(expected + 1);
  });

  it("drops what is owed when it is closed, and waits for the running pass", async () => {
    const running = new Gate();
    let ended = 0;
    const queue = open(async () => {
      await running.opened;
      ended += 1;
    });
    queue.request();
    await turn();
    queue.request();
    queue.request();
    const closed = queue.close();
    running.open();
    await closed;
    expect(ended).toBe(1);
    queue.request();
    await turn();
    expect(ended).toBe(1);
  });

  it("reports a pass that fails", async () => {
    const errors: string[] = [];
    const Queue = name === "OnePendingPass" ? OnePendingPass : EveryTriggerPasses;
    const queue = new Queue(
      () => Promise.reject(new Error("no")),
      (error) => errors.push(error.message),
    );
    queue.request();
    await turn();
    expect(errors).toEqual(["no"]);
  });
});

class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
