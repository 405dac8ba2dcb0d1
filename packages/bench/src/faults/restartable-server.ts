/** A server that can be killed as by a power switch and started again with the same data at the same address. */
import { kill } from "node:process";
import { type ProcessCare, startMarkOf } from "../machine/index.ts";
import { keptFreePort } from "../provisioning/free-port.ts";
import type { Provisioned, ProvisionedServer } from "../provisioning/index.ts";

export interface ServerPlace {
  port: number;
  /** The data folder. */
  keptFolder: string;
}

/** Starts the server there, with what it finds. */
export type StartServer = (place: ServerPlace) => Promise<Provisioned>;

export class RestartableServer {
  readonly #start: StartServer;
  readonly #place: ServerPlace;
  #server: ProvisionedServer;
  #startMark: string | undefined;

  /** Keeps its data in `keptFolder`, else in a temporary folder. Throws when the server cannot be had. */
  static async start(care: ProcessCare, start: StartServer, keptFolder?: string): Promise<RestartableServer> {
    const place = { port: await keptFreePort(), keptFolder: keptFolder ?? care.temporaryFolder("kept") };
    return new RestartableServer(start, place, await started(start, place));
  }

  private constructor(start: StartServer, place: ServerPlace, server: ProvisionedServer) {
    this.#start = start;
    this.#place = place;
    this.#server = server;
    this.#startMark = startMarkOf(this.pid);
  }

  get url(): string {
    return this.#server.url;
  }

  /** Of a NATS; another after a restart. */
  get monitorUrl(): string {
    return this.#server.monitorUrl ?? "";
  }

  get port(): number {
    return this.#place.port;
  }

  get keptFolder(): string {
    return this.#place.keptFolder;
  }

  get pid(): number {
    if (this.#server.pid === null) throw new Error("the server does not run on this machine");
    return this.#server.pid;
  }

  /** Not when it has ended by itself. */
  get alive(): boolean {
    return startMarkOf(this.pid) === this.#startMark;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.alive) kill(this.pid, "SIGKILL");
    await this.#server.stop();
  }

  /** After `kill`: the same data, the same address. Resolves when it answers. */
  async restart(): Promise<void> {
    this.#server = await started(this.#start, this.#place);
    this.#startMark = startMarkOf(this.pid);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

async function started(start: StartServer, place: ServerPlace): Promise<ProvisionedServer> {
  const provisioned = await start(place);
  if (provisioned.ok) return provisioned.server;
  throw new Error(`${provisioned.refusal.message}; ${provisioned.refusal.nextStep}`);
}
