// Starts what a bench starts (a child that obeys, one that does not, a folder) and ends in the way that its argument names.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessCare } from "hubscale/machine";

const [, , way, stopGraceMs] = process.argv;
const care = new ProcessCare({ handleSignals: true, stopGraceMs: Number(stopGraceMs) });
const folder = care.temporaryFolder("care-test");
writeFileSync(join(folder, "data"), "x");
const idle = "setInterval(() => {}, 1000); console.log('up')";
const stubborn = `process.on('SIGTERM', () => {}); ${idle}`;
const children = [];
for (const [name, source] of [
  ["stubborn", stubborn],
  ["obedient", idle],
]) {
  const child = await care.start({
    name,
    role: name,
    command: process.execPath,
    args: ["-e", source],
    stdout: "lines",
    log: join(folder, "log"),
  });
  await child.firstLine(10_000);
  children.push(child);
}
let closed = false;
care.atEnd(() => {
  closed = true;
});
process.on("exit", () => process.stdout.write(`${JSON.stringify({ closed })}\n`));
process.stdout.write(`${JSON.stringify({ pids: children.map((child) => child.pid), folder, watchdog: care.watchdogPid })}\n`);

if (way === "throw") {
  setImmediate(() => {
    throw new Error("unforeseen");
  });
} else if (way === "exit") process.exit(7);
else if (way === "close") await care.close();
else setInterval(() => undefined, 1_000);
