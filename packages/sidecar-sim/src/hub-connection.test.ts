import { once } from "node:events";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { HubConnection } from "./hub-connection.ts";
import { LONGEST_TEXT_FRAME } from "./text-frame.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A WebSocket server of the library's on a port of its own; the URL to connect to. */
async function serverThat(onConnection: (socket: WebSocket) => void, verifyClient?: () => boolean): Promise<string> {
  const http: Server = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false, ...(verifyClient && { verifyClient }) });
  server.on("connection", onConnection);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    for (const client of server.clients) client.terminate();
    http.close();
    http.closeAllConnections();
    await once(http, "close");
  });
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/ws?x=1`;
}

/** A server that answers with bytes of its own. */
async function tcpServerThat(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
}

interface Client {
  connection: HubConnection;
  opened: Promise<void>;
  received: string[];
  closed: Promise<string>;
}

function connectTo(url: string): Client {
  const received: string[] = [];
  let connection: HubConnection | undefined;
  let settleClosed: (reason: string) => void = () => undefined;
  const closed = new Promise<string>((resolve) => {
    settleClosed = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    connection = new HubConnection(url, undefined, {
      opened: resolve,
      received: (data) => received.push(data.toString()),
      closed: settleClosed,
    });
  });
  return { connection: connection as unknown as HubConnection, opened, received, closed };
}

/** A key and a certificate for it that nobody else has signed; undefined: no openssl here. */
function selfSigned(): { key: Buffer; cert: Buffer } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "hubscale-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"];
  try {
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("HubConnection", () => {
  it("sends and receives text of every kind of length, and text that is not ASCII", async () => {
    const texts = [0, 1, 125, 126, 127, 255, 256, 65_535, LONGEST_TEXT_FRAME + 1, 200_000].map((length) => "x".repeat(length));
    texts.push("caf\u00e9 \u2014 \u{1f600}", "last");
    const atServer: string[] = [];
    const url = await serverThat((socket) =>
      socket.on("message", (data) => {
        atServer.push(String(data));
        socket.send(String(data));
      }),
    );
    const { connection, opened, received, closed } = connectTo(url);
    await opened;
    for (const text of texts) connection.send(text);
    await expect.poll(() => received.length).toBe(texts.length);
    expect(atServer).toEqual(texts);
    expect(received).toEqual(texts);
    expect(connection.framesOut).toBe(texts.length);
    expect(connection.bytesOut).toBeGreaterThan(texts.join("").length);
    expect(connection.bytesIn).toBeGreaterThan(texts.join("").length);
    await connection.close();
    expect(await closed).toBe("closed 1001");
  });

  it("answers pings, and is told of a close with its code and reason", async () => {
    const url = await serverThat((socket) => {
      socket.on("pong", (data) => socket.close(4001, `pong ${String(data)}`));
      socket.ping("are you there");
    });
    const { closed } = connectTo(url);
    expect(await closed).toBe("closed 4001 pong are you there");
  });

  it("tells the server that it goes away", async () => {
    let code: Promise<unknown[]> | undefined;
    const url = await serverThat((socket) => {
      code = once(socket, "close");
    });
    const { connection, opened, closed } = connectTo(url);
    await opened;
    await connection.close();
    expect((await code)?.[0]).toBe(1001);
    expect(await closed).toBe("closed 1001");
    await connection.close();
  });

  it("does not wait for ever for a server that does not answer the close", async () => {
    const url = await serverThat((socket) => void (socket as unknown as { _socket: Socket })._socket.pause());
    const { connection, opened, closed } = connectTo(url);
    await opened;
    await connection.close();
    expect(await closed).toBe("closed 1006");
  });

  it("says why there is no connection: refused by the machine, by the server, by no WebSocket", async () => {
    const gone = await tcpServerThat(() => undefined);
    await closing.pop()?.();
    expect(await connectTo(gone).closed).toMatch(/^ECONNREFUSED: /);
    const refusing = await serverThat(
      () => undefined,
      () => false,
    );
    expect(await connectTo(refusing).closed).toBe("Unexpected server response: 401");
    const mute = await tcpServerThat((socket) => socket.end());
    expect(await connectTo(mute).closed).toBe("closed 1006");
    const other = await tcpServerThat((socket) => socket.once("data", () => socket.write("+OK\r\n\r\n")));
    expect(await connectTo(other).closed).toMatch(/not HTTP/);
    const wrong = await tcpServerThat((socket) =>
      socket.once("data", () => socket.write("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: none\r\n\r\n")),
    );
    expect(await connectTo(wrong).closed).toBe("Invalid Sec-WebSocket-Accept header");
  });

  it("closes with 1009 what is too long, and with 1002 what is no WebSocket", async () => {
    const codes: number[] = [];
    const url = await serverThat((socket) => {
      socket.on("close", (code) => codes.push(code));
      if (codes.length === 0) socket.send("x".repeat(1_100_000));
      else (socket as unknown as { _socket: Socket })._socket.write(Buffer.from([0x83, 0]));
    });
    expect(await connectTo(url).closed).toMatch(/more than 1048576 bytes/);
    await expect.poll(() => codes.length).toBe(1);
    expect(await connectTo(url).closed).toMatch(/opcode 3/);
    await expect.poll(() => codes).toEqual([1009, 1002]);
  });

  it("cut off, it delivers nothing more and says why it was", async () => {
    const url = await serverThat((socket) => {
      for (let n = 0; n < 100; n++) socket.send(`message ${n}`);
    });
    const client = connectTo(url);
    await expect.poll(() => client.received.length).toBeGreaterThan(0);
    client.connection.cut("on purpose");
    const count = client.received.length;
    expect(await client.closed).toBe("on purpose");
    expect(client.received.length).toBe(count);
    client.connection.send("lost");
    expect(client.connection.framesOut).toBe(0);
  });

  it("goes over TLS to a wss: address, to a server whose certificate is trusted", async ({ skip }) => {
    const identity = selfSigned();
    if (!identity) return skip("no openssl to make a certificate with");
    const tls = createTlsServer(identity);
    const server = new WebSocketServer({ server: tls });
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(`heard ${String(data)}`)));
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    closing.push(async () => {
      process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "1";
      tls.close();
      tls.closeAllConnections();
      await once(tls, "close");
    });
    const url = `wss://localhost:${(tls.address() as AddressInfo).port}/ws`;
    expect(await connectTo(url).closed).toMatch(/^DEPTH_ZERO_SELF_SIGNED_CERT: /);
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    const { connection, opened, received } = connectTo(url);
    await opened;
    connection.send("x".repeat(100_000));
    await expect.poll(() => received.length).toBe(1);
    expect(received[0]?.length).toBe(100_006);
    await connection.close();
  });
});
