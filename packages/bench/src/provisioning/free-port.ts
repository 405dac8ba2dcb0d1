/** A TCP port on 127.0.0.1 that was free a moment ago: whoever takes it must be ready to find it taken. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

export async function freePort(max = 65_535): Promise<number> {
  for (;;) {
    const port = await anyFreePort();
    if (port <= max) return port;
  }
}

async function anyFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
