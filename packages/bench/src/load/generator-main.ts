/** The load generator's process, forked by the bench. Ends when told to, or when the bench goes away. */
import { systemClock } from "@hubscale/sidecar-sim";
import { keepHeapSmall } from "@hubscale/sidecar-sim/small-heap";
import type { GeneratorCommand, GeneratorReply } from "./generator-protocol.ts";
import { GeneratorSession } from "./generator-session.ts";

keepHeapSmall();

/** When the last reply has left this process. */
let sent = Promise.resolve();
const send = (reply: GeneratorReply) => {
  if (!process.connected) return;
  sent = new Promise((resolve) => {
    process.send?.(reply, undefined, undefined, () => resolve());
  });
};
const session = new GeneratorSession(systemClock, send);
process.on("message", (command: GeneratorCommand) => {
  session.take(command).then(
    async (over) => {
      if (!over) return;
      await sent;
      process.disconnect();
    },
    (error: unknown) => {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      send({ kind: "failed", command: command.kind, code: "internal", detail });
    },
  );
});
// Without its bench nobody reads the results. Sockets are closed by the end of the process.
process.once("disconnect", () => process.exit(0));
// Ctrl-C goes to the whole group; the bench decides when this process ends.
process.on("SIGINT", () => undefined);
