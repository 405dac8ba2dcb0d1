/**
 * A TCP proxy that stands in for the network between two programs and can be told to misbehave. Nothing is dropped inside of a
 * connection that lives on, as TCP would have it: what was held back arrives when the fault is over.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export interface ProxyTarget {
  host: string;
  port: number;
}

type Fault = "none" | "partition" | "refusal";

export class FaultProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #target: ProxyTarget;
  readonly #wires = new Set<Wire>();
  #fault: Fault = "none";
  #delayMs = 0;

  static async listen(target: ProxyTarget): Promise<FaultProxy> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FaultProxy(server, target);
  }

  private constructor(server: Server, target: ProxyTarget) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (client) => this.#accept(client));
  }

  get connections(): number {
    return this.#wires.size;
  }

  /** Nothing passes in either direction, nobody is told; a new connection is made and then silent. Until `heal`. */
  partition(): void {
    this.#fault = "partition";
    for (const wire of this.#wires) wire.hold();
  }

  /** All connections are reset, new ones too, as when the other machine has gone. Until `heal`. */
  refuse(): void {
    this.#fault = "refusal";
    for (const wire of this.#wires) wire.reset();
  }

  /** What passes from now on arrives this much later. */
  slowDown(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Connections that survived the fault go on where they were. */
  heal(): void {
    this.#fault = "none";
    this.#delayMs = 0;
    for (const wire of this.#wires) wire.release();
  }

  async close(): Promise<void> {
    for (const wire of this.#wires) wire.reset();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    if (this.#fault === "refusal") {
      client.resetAndDestroy();
      return;
    }
    const wire = new Wire(client, this.#target, () => this.#delayMs);
    this.#wires.add(wire);
    void wire.ended.then(() => this.#wires.delete(wire));
    if (this.#fault === "none") wire.release();
  }
}

/** One connection and its other half, held at first. */
class Wire {
  readonly ended: Promise<void>;
  readonly #client: Socket;
  readonly #target: ProxyTarget;
  readonly #delayMs: () => number;
  #upstream: Socket | undefined;
  #end: () => void = () => undefined;
  #isHeld = true;

  constructor(client: Socket, target: ProxyTarget, delayMs: () => number) {
    this.#client = client;
    this.#target = target;
    this.#delayMs = delayMs;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#watch(client);
  }

  hold(): void {
    this.#isHeld = true;
    this.#client.pause();
    this.#upstream?.pause();
  }

  release(): void {
    this.#isHeld = false;
    if (!this.#upstream) {
      this.#upstream = connect({ ...this.#target, noDelay: true });
      this.#client.setNoDelay(true);
      this.#watch(this.#upstream);
      this.#carry(this.#client, this.#upstream);
      this.#carry(this.#upstream, this.#client);
    }
    this.#client.resume();
    this.#upstream.resume();
  }

  reset(): void {
    if (!this.#client.destroyed) this.#client.resetAndDestroy();
    if (this.#upstream && !this.#upstream.destroyed) this.#upstream.resetAndDestroy();
    this.#end();
  }

  /** Whatever ends one half ends the other; the wire has ended with both: a half that is held does not hear that the other is gone. */
  #watch(socket: Socket): void {
    // The close event follows and does what is to be done.
    socket.on("error", () => undefined);
    socket.on("close", (isBroken) => {
      const other = socket === this.#client ? this.#upstream : this.#client;
      if (isBroken) other?.resetAndDestroy();
      else other?.end();
      if (!other || other.destroyed) this.#end();
    });
  }

  #carry(from: Socket, to: Socket): void {
    const waiting: { chunk: Buffer; dueMs: number }[] = [];
    const flush = () => {
      while (waiting[0] && waiting[0].dueMs <= performance.now()) to.write((waiting.shift() as (typeof waiting)[number]).chunk);
      if (waiting[0]) setTimeout(flush, waiting[0].dueMs - performance.now());
    };
    from.on("data", (chunk: Buffer) => {
      const delayMs = this.#delayMs();
      if (delayMs > 0 || waiting.length > 0) {
        waiting.push({ chunk, dueMs: performance.now() + delayMs });
        if (waiting.length === 1) setTimeout(flush, delayMs);
      } else if (!to.write(chunk)) {
        from.pause();
        to.once("drain", () => {
          if (!this.#isHeld) from.resume();
        });
      }
    });
  }
}
