/**
 * Stands where a load balancer would, for hubs under fault: passes each TCP connection to the next node whose `GET /health`
 * answers 200, and tries another when that one cannot be reached.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** The two halves of a connection that is passed on. */
interface Pair {
  client: Socket;
  upstream: Socket;
}

/** Far below the time for which a draining node still answers. */
const CHECK_EVERY_MS = 100;
const CHECK_WITHIN_MS = 2_000;

export class FrontDoor {
  readonly http: string;
  readonly ws: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #pairs = new Set<Pair>();
  /** By the URL of its HTTP side: whether the last check went well. */
  readonly #nodes = new Map<string, boolean>();
  #checking: Promise<void>;
  #next = 0;
  #isClosing = false;

  /** Resolves when all nodes have been checked once. */
  static async open(nodes: readonly string[]): Promise<FrontDoor> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const door = new FrontDoor(server, nodes);
    await door.#checkAll();
    return door;
  }

  private constructor(server: Server, nodes: readonly string[]) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.http = `http://127.0.0.1:${port}`;
    this.ws = `ws://127.0.0.1:${port}/ws`;
    for (const node of nodes) this.#nodes.set(node, false);
    server.on("connection", (client) => void this.#pass(client));
    this.#checking = this.#keepChecking();
  }

  /** Nodes that are passed connections now. */
  get healthy(): readonly string[] {
    return [...this.#nodes].flatMap(([node, isHealthy]) => (isHealthy ? [node] : []));
  }

  /** Another node joins; it gets connections once it is healthy. */
  add(node: string): void {
    if (!this.#nodes.has(node)) this.#nodes.set(node, false);
  }

  remove(node: string): void {
    this.#nodes.delete(node);
  }

  /** Cuts every connection without a word, as a restart of the load balancer would. They may come back at once. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Every `nth` connection stands still, in both directions and without a word, until the returned function is called. */
  stall(nth: number): () => void {
    const stalled = [...this.#pairs].filter((_, index) => index % nth === 0);
    for (const { client, upstream } of stalled) {
      client.unpipe(upstream);
      upstream.unpipe(client);
    }
    return () => {
      for (const { client, upstream } of stalled) {
        client.pipe(upstream);
        upstream.pipe(client);
      }
    };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.cutAll();
    this.#server.close();
    await Promise.all([once(this.#server, "close"), this.#checking]);
  }

  async #keepChecking(): Promise<void> {
    while (!this.#isClosing) {
      await sleep(CHECK_EVERY_MS);
      await this.#checkAll();
    }
  }

  async #checkAll(): Promise<void> {
    await Promise.all(
      [...this.#nodes.keys()].map(async (node) => {
        const isHealthy = await isServing(node);
        if (this.#nodes.has(node)) this.#nodes.set(node, isHealthy);
      }),
    );
  }

  async #pass(client: Socket): Promise<void> {
    this.#track(client);
    const candidates = this.healthy;
    for (let tries = 0; tries < candidates.length; tries++) {
      const { hostname, port } = new URL(candidates[this.#next++ % candidates.length] as string);
      const upstream = await reached(hostname, Number(port));
      if (!upstream) continue;
      this.#track(upstream);
      join(client, upstream);
      const pair = { client, upstream };
      this.#pairs.add(pair);
      client.on("close", () => this.#pairs.delete(pair));
      return;
    }
    client.resetAndDestroy();
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    // The close event follows.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

async function isServing(node: string): Promise<boolean> {
  try {
    const answer = await fetch(`${node}/health`, { signal: AbortSignal.timeout(CHECK_WITHIN_MS) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    // Not reached, or not in time: that is the answer.
    return false;
  }
}

async function reached(host: string, port: number): Promise<Socket | undefined> {
  const socket = connect({ host, port, noDelay: true });
  try {
    await once(socket, "connect");
    return socket;
  } catch {
    // Refused: another node is tried.
    return undefined;
  }
}

function join(client: Socket, upstream: Socket): void {
  client.setNoDelay(true);
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.pipe(to);
    from.on("close", (isBroken) => {
      if (isBroken) to.resetAndDestroy();
      else to.end();
    });
  }
}
