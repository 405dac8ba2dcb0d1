/** A TCP port on 127.0.0.1 that was free a moment ago: whoever takes it must be ready to find it taken. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

export async function freePort(max = 65_535): Promise<number> {
  for (;;) {
    const port = await anyFreePort();
    if (port <= max) return port;
  }
}

/**
 * For a server that is killed and comes back: below the ports that systems give to connections (from 32,768 on with Linux, from 49,152 on
 * elsewhere), one of which would have it by then.
 */
export async function keptFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(KEPT_PORTS.from, KEPT_PORTS.below);
    if (await isFree(port)) return port;
  }
}

const KEPT_PORTS = { from: 20_000, below: 32_000 };

async function isFree(port: number): Promise<boolean> {
  try {
    await anyFreePort(port);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
}

/** `port` 0: whichever the system gives. Rejects when it is taken. */
async function anyFreePort(port = 0): Promise<number> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: found } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return found;
}
