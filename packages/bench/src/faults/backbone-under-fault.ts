/**
 * The servers of a sharded hub's engine, each with a proxy of its own to every node and, in a NATS cluster, to every other server: so one
 * node or one server can be cut off from everybody else.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import { shardsFor } from "../drivers/index.ts";
import type { ProcessCare } from "../machine/index.ts";
import {
  formNatsCluster,
  hasJetStream,
  isCurrent,
  natsClusterSettings,
  provisionNats,
  provisionRedis,
  type ServerSources,
  untilFormed,
} from "../provisioning/index.ts";
import { keptFreePort } from "../provisioning/free-port.ts";
import { FaultProxy } from "./fault-proxy.ts";
import type { LosableDisk } from "./losable-disk.ts";
import { RestartableServer } from "./restartable-server.ts";

/** Of a cluster with as many servers or more: one may be lost. */
const REPLICAS_MAX = 3;
/** A server that comes back takes over what it has missed. */
const CURRENT_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;

export interface BackboneOptions {
  engine: "redis" | "nats";
  servers: number;
  nodes: number;
  care: ProcessCare;
  sources: ServerSources;
  durability: DurabilityLevel;
  /** One for each server; empty: their data lies among the temporary folders. */
  disks: readonly LosableDisk[];
}

/** Whom a fault cuts off. */
export type Part = { node: number } | { server: number };

/** What two programs reach each other through. */
interface Wire {
  ends: readonly [string, string];
  proxy: FaultProxy;
}

export class BackboneUnderFault {
  readonly #options: BackboneOptions;
  readonly #servers: readonly RestartableServer[];
  readonly #wires: readonly Wire[];
  /** Ends of wires that are cut off now. */
  readonly #cutOff = new Set<string>();

  /** Servers of our own, always: one that is named by its URL is somebody's. Rejects when they cannot be had. */
  static start(options: BackboneOptions): Promise<BackboneUnderFault> {
    return untilFormed(() => BackboneUnderFault.#startOnce(options));
  }

  static async #startOnce(options: BackboneOptions): Promise<BackboneUnderFault> {
    const { engine, servers: count, nodes, care, durability, disks } = options;
    const { sources: all } = options;
    const sources = { ...all, origins: all.origins.filter((origin) => origin === "path" || origin === "debian") };
    const isCluster = engine === "nats" && count > 1;
    const numbers = Array.from({ length: count }, (_, server) => server);
    const routes = isCluster ? await Promise.all(numbers.map(() => keptFreePort())) : [];
    const wires: Wire[] = [];
    const servers: RestartableServer[] = [];
    const wire = async (ends: Wire["ends"], port: number) => {
      const proxy = await FaultProxy.listen({ host: "127.0.0.1", port });
      wires.push({ ends, proxy });
      return proxy.port;
    };
    const settingsOf = async (server: number) => {
      const before = routes.slice(0, server);
      const reachedAt = before.map((port, other) => wire([nameOf({ server }), nameOf({ server: other })], port));
      return natsClusterSettings(server, routes, await Promise.all(reachedAt));
    };
    try {
      const provision = engine === "redis" ? provisionRedis : provisionNats;
      const starts = await Promise.allSettled(
        numbers.map(async (server) => {
          const extraSettings = isCluster ? { extraSettings: await settingsOf(server) } : {};
          const request = { care, sources, durability, ...extraSettings };
          const disk = disks[server];
          const folder = disk && join(disk.folder, "kept");
          servers[server] = await RestartableServer.start(care, (place) => provision({ ...request, ...place }), folder);
        }),
      );
      for (const start of starts) if (start.status === "rejected") throw start.reason;
      const backbone = new BackboneUnderFault(options, servers, wires);
      if (isCluster) await formNatsCluster(backbone.#monitors);
      const toNodes = Array.from({ length: nodes }, (_, node) =>
        servers.map(({ port }, server) => wire([nameOf({ node }), nameOf({ server })], port)),
      );
      await Promise.all(toNodes.flat());
      return backbone;
    } catch (error) {
      await endAll(servers, wires, care);
      throw error;
    }
  }

  private constructor(options: BackboneOptions, servers: readonly RestartableServer[], wires: readonly Wire[]) {
    this.#options = options;
    this.#servers = servers;
    this.#wires = wires;
  }

  server(index: number): RestartableServer {
    const server = this.#servers[index];
    if (!server) throw new Error(`there is no backbone server ${index + 1}`);
    return server;
  }

  /** Of the node's program: where it finds the servers. */
  flagsOf(node: number): string[] {
    const { engine, durability } = this.#options;
    const count = this.#servers.length;
    const ports = this.#servers.map((_, server) => this.#between({ node }, { server }).port);
    const urls = ports.map((port) => `${engine}://127.0.0.1:${port}`).join(",");
    const shards = count > 1 ? ["--shards", String(shardsFor(count))] : [];
    const ofNats = ["--nats-monitor", this.#monitors.join(","), "--replicas", String(Math.min(count, REPLICAS_MAX))];
    const place = ["--backbone", engine, `--${engine}`, urls, "--durability", durability];
    return [...place, ...shards, ...(engine === "nats" ? ofNats : [])];
  }

  /** Nothing passes between the part and anybody else, until the returned function is called. */
  cutOff(part: Part): () => void {
    const end = nameOf(part);
    const wires = this.#wires.filter(({ ends }) => ends.includes(end));
    this.#cutOff.add(end);
    for (const { proxy } of wires) proxy.partition();
    return () => {
      this.#cutOff.delete(end);
      for (const { ends, proxy } of wires) if (!ends.some((each) => this.#cutOff.has(each))) proxy.heal();
    };
  }

  /** All at once. */
  async kill(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()));
  }

  /** All at once, after `kill`. */
  async restart(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.restart()));
  }

  /**
   * Resolves when every server of a cluster has all that it missed, so that the next fault may hit another one; at the latest after
   * half a minute. Servers that stand alone miss nothing. A server that has ended, or that switched its JetStream off as NATS does over
   * a full disk, is started again, as whatever looks after programs would.
   */
  async whole(): Promise<void> {
    const { engine, care } = this.#options;
    const limitMs = performance.now() + CURRENT_WITHIN_MS;
    for (;;) {
      await Promise.all(this.#servers.map((server) => this.#revive(server)));
      if (engine === "redis" || this.#servers.length === 1) return;
      if ((await Promise.all(this.#monitors.map(isCurrent))).every(Boolean)) return;
      if (performance.now() > limitMs || care.ending) return;
      await sleep(LOOK_EVERY_MS);
    }
  }

  async #revive(server: RestartableServer): Promise<void> {
    if (server.alive && (this.#options.engine === "redis" || (await hasJetStream(server.monitorUrl)))) return;
    await server.kill();
    await server.restart();
  }

  /** Ends the programs and removes their data. */
  stop(): Promise<void> {
    return endAll(this.#servers, this.#wires, this.#options.care);
  }

  get #monitors(): string[] {
    return this.#servers.map(({ monitorUrl }) => monitorUrl);
  }

  #between(one: Part, other: Part): FaultProxy {
    const found = this.#wires.find(({ ends: [from, to] }) => from === nameOf(one) && to === nameOf(other));
    if (!found) throw new Error(`nothing leads from ${nameOf(one)} to ${nameOf(other)}`);
    return found.proxy;
  }
}

function nameOf(part: Part): string {
  return "node" in part ? `node ${part.node}` : `server ${part.server}`;
}

/** Those that were started; a start may have failed for some. */
async function endAll(servers: readonly RestartableServer[], wires: readonly Wire[], care: ProcessCare): Promise<void> {
  await Promise.all(wires.map(({ proxy }) => proxy.close()));
  const started = servers.filter((server) => server !== undefined);
  await Promise.all(started.map((server) => server.kill()));
  for (const server of started) care.removeFolder(server.keptFolder);
}
