import { expect, test } from "vitest";
import { sourceAddress } from "./source-address.ts";

const url = "ws://127.0.0.1:4000/ws";

test("few connections, another host or another system leave the choice to the system", () => {
  expect(sourceAddress(url, 0, 8_000, "linux")).toBeUndefined();
  expect(sourceAddress("ws://10.0.0.1:4000/ws", 0, 10_000, "linux")).toBeUndefined();
  expect(sourceAddress(url, 0, 10_000, "darwin")).toBeUndefined();
});

test("many connections to the loopback come from 16 addresses in equal parts", () => {
  const used = new Map<string | undefined, number>();
  for (let i = 0; i < 16_000; i++) {
    const address = sourceAddress(url, i, 16_000, "linux");
    used.set(address, (used.get(address) ?? 0) + 1);
  }
  expect(used.size).toBe(16);
  expect([...used.values()]).toEqual(Array.from({ length: 16 }, () => 1_000));
  expect(used.has("127.0.0.2") && used.has("127.0.0.17")).toBe(true);
});
