/** The parts of a hub on the workers of a run. */
import { randomBytes } from "node:crypto";
import {
  type HubPlacement,
  type HubProgram,
  type PlacedProgram,
  type PlacedServers,
  type ProcessReading,
  provisionServers,
  type ServerOrder,
} from "../drivers/index.ts";
import type { ProvisionRequest } from "../provisioning/index.ts";
import type { WorkerLink } from "./worker-link.ts";
import type { Workers } from "./workers.ts";

/** An engine may have to be fetched first. */
const SERVERS_WITHIN_MS = 180_000;
/** For the answer to come back after the last moment at which a program may be ready. */
const ON_TOP_MS = 5_000;

export class WorkerPlacement implements HubPlacement {
  readonly #workers: Workers;
  /** Of the engines' servers, for this run. */
  readonly #secret = randomBytes(24).toString("hex");

  constructor(workers: Workers) {
    this.#workers = workers;
  }

  /** Dealt round the workers that take hub nodes, the first to the first. */
  async startPrograms(programs: readonly HubProgram[], readyWithinMs: number): Promise<PlacedProgram[]> {
    const { hub } = this.#workers.hosts;
    const outcomes = await Promise.allSettled(
      programs.map((program, i) => startOn(this.#workers.link(hub[i % hub.length] as string), program, readyWithinMs)),
    );
    const started = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (!failed) return started;
    await Promise.all(started.map((program) => program.stop()));
    throw failed.reason;
  }

  async provision(order: ServerOrder, here: ProvisionRequest): Promise<PlacedServers> {
    const { backbone, address } = this.#workers.hosts;
    const secret = this.#secret;
    if (backbone === null) return provisionServers(order, { ...here, listen: { address, secret } });
    const link = this.#workers.link(backbone);
    const answer = await link.ask({ kind: "startServers", order, secret }, SERVERS_WITHIN_MS);
    if (!answer.ok) return answer;
    const { id, servers } = answer;
    // One end for all of them: they are started and stopped together.
    let stopping: Promise<void> | undefined;
    const stop = () => (stopping ??= link.stop(id));
    const pids = servers.flatMap(({ pid }) => pid ?? []);
    return {
      ok: true,
      servers: servers.map((server) => Object.assign(server, { pid: null, stop })),
      readUsage: () => readingsOf(link, order.kind, pids),
    };
  }
}

async function startOn(link: WorkerLink, program: HubProgram, readyWithinMs: number): Promise<PlacedProgram> {
  const command = { kind: "startProgram", readyWithinMs, ...program } as const;
  const { id, ready } = await link.ask(command, readyWithinMs + ON_TOP_MS);
  const roles = Object.entries(ready.pids);
  return {
    ready,
    readUsage: async () => (await Promise.all(roles.map(([role, pids]) => readingsOf(link, role, pids)))).flat(),
    stop: () => link.stop(id),
  };
}

async function readingsOf(link: WorkerLink, role: string, pids: readonly number[]): Promise<ProcessReading[]> {
  const usages = await link.ask({ kind: "readUsage", pids });
  return usages.map((usage) => ({ role, key: `${link.name}/${usage.pid}`, usage }));
}
