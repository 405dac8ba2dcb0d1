/** The coordinator's side: a control server that workers join, and all that they do for this run. */
import { connect, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { BENCH_VERSION } from "../bench-version.ts";
import { type EnvironmentFingerprint, type ProcessCare } from "../machine/index.ts";
import { NATS_USER, type ProvisionedServer, provisionNats, type ServerSources } from "../provisioning/index.ts";
import { type Hosts, workersIn } from "./hosts-file.ts";
import { WorkerLink } from "./worker-link.ts";
import { HEARTBEAT, HEARTBEAT_EVERY_MS, JOIN, type Join, type JoinAnswer, RUN_OVER } from "./worker-protocol.ts";

export interface WorkersOptions {
  hosts: Hosts;
  care: ProcessCare;
  sources: ServerSources;
  commit: EnvironmentFingerprint["commit"];
  tell(line: string): void;
}

/** What a worker may take to end its parts when the run is over. */
const FINISH_WITHIN_MS = 15_000;
/** A trial's answer with its histograms, or the tokens of 100,000 agents, is one message. */
const MAX_PAYLOAD = "64MB";

export class Workers {
  readonly hosts: Hosts;
  /** Rejects as soon as a worker, or a program that it runs, is lost to this run. */
  readonly lost: Promise<never>;
  readonly #options: WorkersOptions;
  readonly #connection: NatsConnection;
  readonly #links = new Map<string, WorkerLink>();
  readonly #told = new Set<string>();
  readonly #pulse: NodeJS.Timeout;
  readonly #joins: Subscription;
  #fail: (error: Error) => void = () => undefined;

  /** Resolves when all workers that the hosts file names have joined. Rejects when they have not in time; nothing is left then. */
  static async open(options: WorkersOptions): Promise<Workers> {
    const { hosts, tell } = options;
    const server = await controlServer(options);
    const credentials = hosts.secret === null ? {} : { user: NATS_USER, pass: hosts.secret };
    const connection = await connect({ servers: `${hosts.address}:${hosts.port}`, ...credentials, reconnect: false });
    const workers = new Workers(options, connection);
    options.care.atEnd(async () => {
      await workers.#close();
      await server.stop();
    });
    tell(`waiting for ${workersIn(hosts).join(", ")}: ${howToJoin(hosts, "NAME")}`);
    await workers.#all();
    return workers;
  }

  private constructor(options: WorkersOptions, connection: NatsConnection) {
    this.hosts = options.hosts;
    this.#options = options;
    this.#connection = connection;
    this.lost = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever works with the workers races with it; before and after that nobody does.
    this.lost.catch(() => undefined);
    this.#joins = connection.subscribe(JOIN, {
      callback: (_, message) => void message.respond(JSON.stringify(this.#judge(message.json<Join>()))),
    });
    this.#pulse = setInterval(() => {
      connection.publish(HEARTBEAT);
      for (const link of this.#links.values()) link.lookForSilence();
    }, HEARTBEAT_EVERY_MS);
    void connection.closed().then(() => {
      clearInterval(this.#pulse);
      this.#fail(new Error("the control server of the workers is gone"));
    });
  }

  /** The worker of that name; all are there. */
  link(name: string): WorkerLink {
    const link = this.#links.get(name);
    if (!link) throw new Error(`no worker ${name}`);
    return link;
  }

  /** For the result: which machine had which part. */
  get machines(): (Pick<Join, "name" | "address" | "machine"> & { takes: string[] })[] {
    return [...this.#links.values()].map(({ facts: { name, address, machine } }) => ({
      name,
      address,
      takes: this.#partsOf(name),
      machine,
    }));
  }

  #partsOf(name: string): string[] {
    const { hub, backbone, load } = this.hosts;
    return [
      ...(hub.includes(name) ? ["hub"] : []),
      ...(backbone === name ? ["backbone"] : []),
      ...(load === name ? ["load"] : []),
    ];
  }

  #judge(join: Join): JoinAnswer {
    const { commit } = this.#options;
    const { name } = join;
    const no = (problem: string, isFinal: boolean): JoinAnswer => {
      const line = `worker ${name} (${join.address}) was refused: ${problem}`;
      if (!this.#told.has(line)) this.#options.tell(line);
      this.#told.add(line);
      return { ok: false, problem: `refused by the coordinator: ${problem}`, isFinal };
    };
    const theirs = join.machine?.commit ?? null;
    if (join.version !== BENCH_VERSION) {
      return no(`it is hubscale ${join.version}, the coordinator ${BENCH_VERSION}; ${SAME_CODE}`, true);
    }
    if (commit !== null && theirs !== null && commit.hash !== theirs.hash) {
      return no(
        `it is of commit ${theirs.hash.slice(0, 12)}, the coordinator of ${commit.hash.slice(0, 12)}; ${SAME_CODE}`,
        true,
      );
    }
    const wanted = workersIn(this.hosts);
    if (!wanted.includes(name)) return no(`the hosts file names ${wanted.join(", ")}; use one of these with --name`, true);
    const known = this.#links.get(name);
    if (known?.isLost) return no("this run has lost a worker of that name; it waits for the next run", false);
    if (known) return no(`a worker of that name has joined from ${known.facts.address}; use another with --name`, false);
    const link = new WorkerLink(join, this.#connection, () => performance.now());
    this.#links.set(name, link);
    void link.lost.then((why) => this.#fail(new Error(why)));
    this.#options.tell(`worker ${name} has joined from ${join.address}`);
    return { ok: true };
  }

  async #all(): Promise<void> {
    const { waitMs } = this.hosts;
    const missing = () => workersIn(this.hosts).filter((name) => !this.#links.has(name));
    const limitMs = performance.now() + waitMs;
    while (missing().length > 0) {
      if (performance.now() > limitMs) {
        const commands = missing().map((name) => howToJoin(this.hosts, name));
        throw new Error(`no word from ${missing().join(", ")} within ${waitMs / 1_000} s; start there: ${commands.join("; ")}`);
      }
      await Promise.race([new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS)), this.lost]);
    }
  }

  /** Every worker ends what it has started; those that can be reached are waited for. */
  async #close(): Promise<void> {
    if (this.#connection.isClosed()) return;
    // Who has finished looks for the next run, and must not find this one.
    this.#joins.unsubscribe();
    this.#connection.publish(RUN_OVER);
    const late = new Promise((resolve) => setTimeout(resolve, FINISH_WITHIN_MS).unref());
    await Promise.race([Promise.all([...this.#links.values()].map(({ finished }) => finished)), late]);
    await this.#connection.close();
  }
}

const SAME_CODE = "both machines must run the same code";
const LOOK_EVERY_MS = 50;

/** What to type on a worker's machine. */
function howToJoin({ address, port, secret }: Hosts, name: string): string {
  return `pnpm bench worker --join nats://${address}:${port} --name ${name}${secret === null ? "" : " --token-file FILE"}`;
}

/** Core NATS only: nothing that is said here is kept. */
async function controlServer({ hosts, care, sources, tell }: WorkersOptions): Promise<ProvisionedServer> {
  const { address, port, secret } = hosts;
  const provisioned = await provisionNats({
    care,
    sources: { ...sources, origins: ["path", "debian"] },
    durability: "process",
    port,
    ...(secret !== null && { listen: { address, secret } }),
    extraSettings: [["max_payload:", MAX_PAYLOAD]],
    tell,
  });
  if (!provisioned.ok)
    throw new Error(`the workers' control server: ${provisioned.refusal.message}; ${provisioned.refusal.nextStep}`);
  return provisioned.server;
}
