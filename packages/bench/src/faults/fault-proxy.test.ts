import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FaultProxy } from "./fault-proxy.ts";

let echo: Server;
let proxy: FaultProxy;
let client: Socket;
let heard: string;

beforeEach(async () => {
  echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  proxy = await FaultProxy.listen({ host: "127.0.0.1", port: (echo.address() as AddressInfo).port });
  heard = "";
  client = await open();
});

afterEach(async () => {
  client.destroy();
  await proxy.close();
  echo.close();
});

async function open(): Promise<Socket> {
  const socket = connect(proxy.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    heard += chunk.toString();
  });
  await once(socket, "connect");
  return socket;
}

/** Not `once`, which rejects at the reset. */
const closed = (socket: Socket) => new Promise((resolve) => socket.on("close", resolve));

test("passes both ways", async () => {
  client.write("one");
  await expect.poll(() => heard).toBe("one");
});

test("a partition holds everything back and says nothing; healed, it arrives", async () => {
  client.write("one");
  await expect.poll(() => heard).toBe("one");
  proxy.partition();
  client.write("two");
  const late = await open();
  late.write("three");
  // What passed before the partition has passed; a turn through the kernel and back shows that this has not.
  const other = connect((echo.address() as AddressInfo).port, "127.0.0.1");
  other.write("x");
  await once(other, "data");
  other.destroy();
  expect(heard).toBe("one");
  proxy.heal();
  await expect.poll(() => Array.from(heard.slice(3)).sort().join("")).toBe(Array.from("twothree").sort().join(""));
  late.destroy();
});

test("a refusal resets what is open and what comes", async () => {
  proxy.refuse();
  await closed(client);
  const refused = connect(proxy.port, "127.0.0.1");
  refused.on("error", () => undefined);
  await closed(refused);
  proxy.heal();
  const again = await open();
  again.write("back");
  await expect.poll(() => heard).toBe("back");
  again.destroy();
});

test("a slow wire keeps the order and delays each part", async () => {
  proxy.slowDown(30);
  const startMs = performance.now();
  client.write("a");
  client.write("b");
  proxy.slowDown(20);
  client.write("c");
  await expect.poll(() => heard).toBe("abc");
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(19);
});

test("closes though the other side ended while it was held", async () => {
  const brief = createServer((socket) => socket.on("error", () => undefined).end("bye"));
  brief.listen(0, "127.0.0.1");
  await once(brief, "listening");
  const door = await FaultProxy.listen({ host: "127.0.0.1", port: (brief.address() as AddressInfo).port });
  const visitor = connect({ port: door.port, host: "127.0.0.1", allowHalfOpen: true });
  visitor.on("error", () => undefined);
  // It has heard the end, and has not ended its own half: the proxy holds that half from now on.
  visitor.resume();
  await once(visitor, "end");
  door.partition();
  await door.close();
  expect(door.connections).toBe(0);
  visitor.destroy();
  brief.close();
});
