/** The parts of one run that live on this worker: started, asked, and ended as the coordinator says, or all at once without it. */
import { FOLDER_THERE, provisionServers, startProgram } from "../drivers/index.ts";
import { favour, forkGenerator, type GeneratorChannel } from "../load/generator-channel.ts";
import { describeEnd, type ProcessCare, readUsage } from "../machine/index.ts";
import type { ProvisionedServer, ServerSources } from "../provisioning/index.ts";
import type { Answered, Answers, WorkerCommand, WorkerWord } from "./worker-protocol.ts";

export interface WorkerSessionOptions {
  care: ProcessCare;
  sources: ServerSources;
  /** Where everything that is started here listens. */
  address: string;
  say(word: WorkerWord): void;
  tell(line: string): void;
}

/** The load ends before the hubs that it loads, and they before the servers that they use. */
const ENDING_ORDER = ["generator", "program", "servers"] as const;

interface Part {
  kind: (typeof ENDING_ORDER)[number];
  stop(): Promise<void>;
}

type Command<K extends WorkerCommand["kind"]> = Extract<WorkerCommand, { kind: K }>;

export class WorkerSession {
  readonly #options: WorkerSessionOptions;
  readonly #parts = new Map<number, Part>();
  readonly #generators = new Map<number, GeneratorChannel>();
  /** Parts that are being started. */
  readonly #underWay = new Set<Promise<unknown>>();
  #lastId = 0;
  #isOver = false;

  constructor(options: WorkerSessionOptions) {
    this.#options = options;
  }

  /** What cannot be done is an answer too. */
  async carryOut(command: WorkerCommand): Promise<Answered> {
    const done = this.#valueOf(command);
    this.#underWay.add(done);
    try {
      return { ok: true, value: await done };
    } catch (error) {
      return { ok: false, problem: (error as Error).message };
    } finally {
      this.#underWay.delete(done);
    }
  }

  /** Ends all parts, those too that are just being started. Nothing is started after it. */
  async endAll(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.#underWay);
    for (const kind of ENDING_ORDER) {
      const ids = [...this.#parts].filter(([, part]) => part.kind === kind).map(([id]) => id);
      await Promise.all(ids.map((id) => this.#stop(id)));
    }
  }

  async #valueOf(command: WorkerCommand): Promise<Answers[keyof Answers]> {
    if (this.#isOver) throw new Error("the run is over");
    switch (command.kind) {
      case "startProgram":
        return this.#startProgram(command);
      case "startServers":
        return this.#startServers(command);
      case "startGenerator":
        return this.#startGenerator();
      case "tellGenerator":
        this.#generators.get(command.id)?.send(command.command);
        return null;
      case "readUsage":
        return readUsage(command.pids);
      case "stop":
        return this.#stop(command.id);
    }
  }

  async #startProgram({ readyWithinMs, ...program }: Command<"startProgram">): Promise<Answers["startProgram"]> {
    const { care, address, say, tell } = this.#options;
    const folder = care.temporaryFolder("hub");
    const args = ["--host", address, ...program.args.map((arg) => arg.replace(FOLDER_THERE, folder))];
    const started = await startProgram({ ...program, args }, { care, log: folder, readyWithinMs }).catch((error: unknown) => {
      care.removeFolder(folder);
      throw error;
    });
    tell(`started ${program.name} (${program.program}, pid ${started.process.pid})`);
    let isStopping = false;
    void started.process.ended.then((end) => {
      if (isStopping || care.ending) return;
      say({ kind: "programEnded", name: program.name, how: describeEnd(end), log: started.process.logTail() });
    });
    const id = this.#add({
      kind: "program",
      stop: async () => {
        isStopping = true;
        await started.process.stop();
        care.removeFolder(folder);
      },
    });
    return { id, ready: started.ready };
  }

  async #startServers({ order, secret }: Command<"startServers">): Promise<Answers["startServers"]> {
    const { care, sources, address, tell } = this.#options;
    const { durability } = order;
    const provisioned = await provisionServers(order, { care, sources, durability, listen: { address, secret }, tell });
    if (!provisioned.ok) return provisioned;
    const { servers } = provisioned;
    tell(`started ${servers.length} ${order.kind} (pid ${servers.map(({ pid }) => pid).join(", ")})`);
    const id = this.#add({
      kind: "servers",
      stop: async () => {
        await Promise.all(servers.map((server) => server.stop()));
      },
    });
    return { ok: true, id, servers: servers.map(factsOf) };
  }

  async #startGenerator(): Promise<Answers["startGenerator"]> {
    const { say, tell } = this.#options;
    const generator = forkGenerator();
    favour(generator);
    tell(`started a load generator (pid ${generator.pid})`);
    const id = this.#add({
      kind: "generator",
      stop: async () => {
        generator.kill();
        await generator.ended;
      },
    });
    this.#generators.set(id, generator);
    generator.onReply((reply) => say({ kind: "generatorReply", id, reply }));
    void generator.ended.then((how) => {
      this.#parts.delete(id);
      this.#generators.delete(id);
      say({ kind: "generatorEnded", id, how });
    });
    return { id, pid: generator.pid };
  }

  #add(part: Part): number {
    this.#parts.set(++this.#lastId, part);
    return this.#lastId;
  }

  async #stop(id: number): Promise<null> {
    const part = this.#parts.get(id);
    this.#parts.delete(id);
    await part?.stop();
    return null;
  }
}

/** All of it but its end, which stays here. */
function factsOf(server: ProvisionedServer): Omit<ProvisionedServer, "stop"> {
  const { kind, url, monitorUrl, pid, version, origin, durability, configText, settings } = server;
  const monitor = monitorUrl === undefined ? {} : { monitorUrl };
  return { kind, url, ...monitor, pid, version, origin, durability, configText, settings };
}
