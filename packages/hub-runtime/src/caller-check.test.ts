import { expect, test } from "vitest";
import { CallerCheck } from "./caller-check.ts";

const check = new CallerCheck({
  host: "Box-7",
  publicUrl: "https://hub.example:8443",
  allowedHosts: ["gpu-1.tail.example"],
  allowedOrigins: ["https://board.example"],
});

test.each([
  [undefined],
  ["127.0.0.1:4000"],
  ["10.0.0.7"],
  ["[::1]:4000"],
  ["[fd00::7]"],
  ["localhost"],
  ["LOCALHOST:4000"],
  ["localhost.:4000"],
  ["hub.localhost:4000"],
  ["hub.example:8443"],
  ["hub.example"],
  ["box-7:4000"],
  ["GPU-1.tail.example:4000"],
])("Host %s is let in", (host) => {
  expect(check.refusalOf({ host })).toBeUndefined();
});

test.each([
  ["evil.example"],
  ["evil.example:4000"],
  ["127.0.0.1.evil.example"],
  ["localhost.evil.example"],
  ["notlocalhost"],
  ["gpu-1.tail.example.evil.example"],
  ["x.gpu-1.tail.example"],
  [""],
  ["a b"],
])('Host "%s" is not', (host) => {
  expect(check.refusalOf({ host })).toMatchObject({ error: "host_not_allowed" });
});

test.each([
  ["127.0.0.1:4000", undefined],
  ["127.0.0.1:4000", "http://127.0.0.1:4000"],
  ["hub.example:8443", "https://hub.example:8443"],
  ["10.0.0.7:4000", "https://board.example"],
  ["127.0.0.1:4000", "https://hub.example:8443"],
])("at %s, Origin %s is let in", (host, origin) => {
  expect(check.refusalOf({ host, ...(origin === undefined ? {} : { origin }) })).toBeUndefined();
});

test.each([
  ["127.0.0.1:4000", "http://127.0.0.1:8080"],
  ["127.0.0.1:4000", "http://localhost:4000"],
  ["127.0.0.1:4000", "https://evil.example"],
  ["127.0.0.1:4000", "https://board.example.evil.example"],
  ["127.0.0.1:4000", "http://board.example"],
  ["127.0.0.1:4000", "null"],
  ["127.0.0.1:4000", "file://"],
  ["127.0.0.1:4000", ""],
  [undefined, "https://evil.example"],
])("at %s, Origin %s is not", (host, origin) => {
  expect(check.refusalOf({ origin, ...(host === undefined ? {} : { host }) })).toMatchObject({ error: "origin_not_allowed" });
});
