import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { HubConnection } from "./hub-connection.ts";
import { LONGEST_TEXT_FRAME } from "./text-frame.ts";

test("a WebSocket server reads text of every kind of length, and text that is not ASCII, as it was sent", async () => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const texts = [0, 1, 125, 126, 127, 255, 256, 65_535, LONGEST_TEXT_FRAME + 1, 200_000].map((length) => "x".repeat(length));
  texts.push("caf\u00e9 \u2014 \u{1f600}", "last");
  const received: string[] = [];
  server.on("connection", (socket) => socket.on("message", (data) => received.push(String(data))));
  const { port } = http.address() as AddressInfo;
  await new Promise<void>((resolve) => {
    const connection = new HubConnection(`ws://127.0.0.1:${port}/ws`, undefined, {
      opened: () => {
        for (const text of texts) connection.send(text);
        void connection.close().then(resolve);
      },
      received: () => undefined,
      closed: () => undefined,
    });
  });
  expect(received).toEqual(texts);
  server.close();
  http.close();
  await once(http, "close");
});
