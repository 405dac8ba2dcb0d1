/**
 * Loaded into a program before its own code (`node --import`): on SIGUSR2 its wall clock becomes wrong by as many milliseconds
 * as the file says that the query names. Timers and `performance.now()` go on, as they do when an operator sets the clock.
 */
import { readFileSync } from "node:fs";

const file = new URL(import.meta.url).searchParams.get("file") ?? "";
const rightNow = Date.now;
let offsetMs = 0;

const wrongNow = () => rightNow() + offsetMs;
Date.now = wrongNow;
globalThis.Date = new Proxy(Date, {
  construct: (date, args) => (args.length === 0 ? new date(wrongNow()) : Reflect.construct(date, args)),
  apply: (date) => new date(wrongNow()).toString(),
});
process.on("SIGUSR2", () => {
  offsetMs = Number(readFileSync(file, "utf8"));
});
