/** The process in which the primitives run, forked by the bench, which reads its CPU time. Ends when told to, or with the bench. */
import type { PrimitiveCommand, PrimitiveReply } from "./primitive-protocol.ts";
import { PrimitiveSession } from "./primitive-session.ts";

const send = (reply: PrimitiveReply) => {
  if (process.connected) process.send?.(reply);
};
const session = new PrimitiveSession(send);
process.on("message", (command: PrimitiveCommand) => {
  session.take(command).then(
    (over) => {
      if (over) process.disconnect();
    },
    (error: unknown) => {
      process.stderr.write(`primitives: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exit(1);
    },
  );
});
process.once("disconnect", () => process.exit(0));
// Ctrl-C goes to the whole group; the bench decides when this process ends.
process.on("SIGINT", () => undefined);
