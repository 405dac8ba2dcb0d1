// A null hub that breaks the rules, as a process of its own on the wire: `node flawed-hub.mjs '{"loseEvery":10}'`.
// Beside the flaws of `NullHubFlaws`: `stallAfter` N, `stallMs` T: stands still once, at the Nth request; `idleBurnMs` T: burns T ms
// of CPU every 50 ms, whatever comes.
import { Server } from "node:http";
import { startNullHub } from "hubscale/load";

const { stallAfter = 0, stallMs = 0, idleBurnMs = 0, ...flaws } = JSON.parse(process.argv[2] ?? "{}");
if (stallAfter > 0) {
  let requests = 0;
  const { emit } = Server.prototype;
  Server.prototype.emit = function (event, ...args) {
    if (event === "request" && args[0].url === "/api/tasks" && ++requests === stallAfter) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
    }
    return emit.call(this, event, ...args);
  };
}
const hub = await startNullHub({ port: 0, flaws });
if (idleBurnMs > 0) {
  setInterval(() => {
    const untilMs = performance.now() + idleBurnMs;
    while (performance.now() < untilMs);
  }, 50);
}
process.once("SIGTERM", () => process.exit(0));
process.stdin.resume().once("end", () => process.exit(0));
process.stdout.write(`${JSON.stringify({ ws: hub.wsUrl, http: hub.httpUrl, pid: process.pid })}\n`);
