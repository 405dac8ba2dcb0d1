// Burns CPU in its main thread and in a worker, says what it has used by its own account, and lives on to be read.
import { Worker } from "node:worker_threads";

const burn =
  "const until = process.cpuUsage().user + MS * 1000; while (process.cpuUsage().user < until) Math.sqrt(Math.random());";
const worker = new Worker(burn.replace("MS", "200"), { eval: true });
await new Promise((resolve) => worker.once("exit", resolve));
new Function(burn.replace("MS", "400"))();
const { user, system } = process.cpuUsage();
process.stdout.write(`${JSON.stringify({ cpuSeconds: (user + system) / 1e6 })}\n`);
setInterval(() => undefined, 60_000);
