import { readFileSync } from "node:fs";

/** Of this program, as its package.json says. */
export const BENCH_VERSION = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
).version;
