/** The other end of the density comparison: identifies everybody, answers every ping, and counts for both clients alike. */
import { createInterface } from "node:readline";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

/** As a hub's, keys sorted. */
const PONG = Buffer.from('{"timestamp":1795462394141,"type":"pong"}');
const IDENTIFIED = Buffer.from('{"agent_id":"dense","type":"identified"}');
const IDENTIFY_OPENING = Buffer.from('{"type":"identify"');

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, skipUTF8Validation: true });
let pings = 0;
server.on("connection", (socket) => {
  socket.on("error", () => socket.terminate());
  socket.on("message", (data: Buffer) => {
    if (data.subarray(0, IDENTIFY_OPENING.length).equals(IDENTIFY_OPENING)) {
      socket.send(IDENTIFIED, { binary: false });
      return;
    }
    pings++;
    socket.send(PONG, { binary: false });
  });
});
server.on("listening", () => {
  process.stdout.write(`${JSON.stringify({ ready: true, port: (server.address() as AddressInfo).port })}\n`);
});
// Any line is the question how it stands; the end of stdin is the end.
const questions = createInterface({ input: process.stdin });
questions.on("line", () => process.stdout.write(`${JSON.stringify({ pings, connections: server.clients.size })}\n`));
questions.on("close", () => process.exit(0));
