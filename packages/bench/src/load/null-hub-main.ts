/** The null hub as a program, with the flags and the ready line that all hubs have in common. */
import { parseArgs } from "node:util";
import { startNullHub } from "./null-hub.ts";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    "exit-with-parent": { type: "boolean", default: false },
  },
});
const hub = await startNullHub({ host: values.host, port: Number(values.port) });
const stop = () => {
  hub.close().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`null hub: ${String(error)}\n`);
      process.exit(1);
    },
  );
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
if (values["exit-with-parent"]) process.stdin.resume().once("end", stop);
process.stdout.write(
  `${JSON.stringify({ ready: true, ws: [hub.wsUrl], http: [hub.httpUrl], pids: { hub: [process.pid] } })}\n`,
);
