/** `bench worker`: this machine takes hub nodes, servers or the load of comparisons that run elsewhere. */
import { connect as connectTcp } from "node:net";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { AuthorizationError, connect, type NatsConnection, RequestError, TimeoutError } from "@nats-io/transport-node";
import { type Command, InvalidArgumentError } from "commander";
import { BENCH_VERSION } from "../bench-version.ts";
import type { Surroundings } from "../compare/compare-command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ProcessCare, readEnvironment } from "../machine/index.ts";
import { NATS_USER, type ServerSources, serverSourcesOf } from "../provisioning/index.ts";
import { DEFAULT_PORT, HOW_TO_TOKEN, readToken, WORKER_NAME } from "./hosts-file.ts";
import {
  commandsTo,
  decode,
  encode,
  GONE_AFTER_MS,
  HEARTBEAT,
  HEARTBEAT_EVERY_MS,
  JOIN,
  type Join,
  type JoinAnswer,
  RUN_OVER,
  type WorkerCommand,
  type WorkerWord,
  wordsOf,
} from "./worker-protocol.ts";
import { WorkerSession } from "./worker-session.ts";

export interface WorkerCommandOptions {
  join: { host: string; port: number };
  name: string;
  address?: string;
  tokenFile?: string;
}

export function addWorkerCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("worker")
    .description("takes hub nodes, servers or load of a `bench compare --hosts` that runs on another machine; until Ctrl-C")
    .requiredOption("--join <url>", "the coordinator, nats://host:port; it may start later", natsAddress)
    .option("--name <name>", "as in the coordinator's hosts file; default: the host's name", workerName, ownName())
    .option("--address <ip>", "where what is started here listens; default: the address that reaches the coordinator")
    .option("--token-file <file>", "the coordinator's token, needed unless it is on this machine")
    .action(async (options: WorkerCommandOptions) => end(await workerCommand(options, surroundings)));
}

interface Member {
  care: ProcessCare;
  sources: ServerSources;
  coordinator: string;
  token: string | null;
  join: Omit<Join, "address">;
  address: string | undefined;
  tell(line: string): void;
  /** What is said again at each try. */
  tellOnce(line: string): void;
}

/** Until a signal: the process care exits then. Earlier only when the coordinator will not have it. */
export async function workerCommand(
  { join, name, address, tokenFile }: WorkerCommandOptions,
  { stderr, env, cwd }: Surroundings,
): Promise<ExitCode> {
  const tell = (line: string) => void stderr.write(`worker ${name}: ${line}\n`);
  const token = tokenFile === undefined ? null : readToken(resolve(cwd, tokenFile));
  if (token !== null && !token.ok) {
    tell(token.problem);
    return EXIT.usage;
  }
  const care = new ProcessCare({ handleSignals: true, exitCodeOf: () => EXIT.ok });
  try {
    const sourceFolder = fileURLToPath(new URL("..", import.meta.url));
    const machine = readEnvironment({ dataFolder: care.temporaryFolder("measure"), sourceFolder });
    const coordinator = `${join.host}:${join.port}`;
    const told = new Set<string>();
    const tellOnce = (line: string) => {
      if (!told.has(line)) tell(line);
      told.add(line);
    };
    const member = { care, sources: serverSourcesOf(env), coordinator, token: token?.token ?? null, address, tell, tellOnce };
    tell(`waiting for a coordinator at nats://${coordinator}`);
    for (;;) {
      const outcome = await takePart({ ...member, join: { name, version: BENCH_VERSION, machine } });
      if (outcome === "refused") return EXIT.error;
      if (outcome === "over") tell(`the run is over, nothing of it is left here; waiting for the next one`);
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    await care.close();
  }
}

/** Between two tries to find a coordinator. */
const LOOK_EVERY_MS = 500;
const ANSWER_WITHIN_MS = 3_000;

/** One run, from the join to the end of all that was started for it. `absent`: there is no coordinator now. */
async function takePart(member: Member): Promise<"over" | "absent" | "refused"> {
  const { coordinator, token, tell } = member;
  const credentials = token === null ? {} : { user: NATS_USER, pass: token };
  let connection: NatsConnection;
  try {
    connection = await connect({ servers: coordinator, ...credentials, reconnect: false, timeout: ANSWER_WITHIN_MS });
  } catch (error) {
    if (!(error instanceof AuthorizationError)) return "absent";
    tell(`the coordinator does not know ${token === null ? "this worker" : "this token"}: give its token with --token-file`);
    return "refused";
  }
  try {
    return await joined(connection, member);
  } catch (error) {
    // The coordinator may go at any moment; what had been started for it is ended by then.
    if (!connection.isClosed()) throw error;
    return "absent";
  } finally {
    await connection.close();
  }
}

async function joined(connection: NatsConnection, member: Member): Promise<"over" | "absent" | "refused"> {
  const { care, sources, coordinator, join, tell } = member;
  const { name } = join;
  const address = member.address ?? (await ownAddressTowards(coordinator));
  if (address === undefined) return "absent";
  const say = (word: WorkerWord) => {
    if (!connection.isClosed()) connection.publish(wordsOf(name), encode(word));
  };
  const session = new WorkerSession({ care, sources, address, say, tell });
  let heardMs = performance.now();
  connection.subscribe(HEARTBEAT, { callback: () => void (heardMs = performance.now()) });
  const over = new Promise<string>((end) => {
    connection.subscribe(RUN_OVER, { callback: () => end("") });
    void connection.closed().then(() => end("the coordinator is gone"));
    const look = setInterval(() => {
      if (performance.now() - heardMs < GONE_AFTER_MS) return say({ kind: "alive" });
      clearInterval(look);
      end(`no word from the coordinator for ${GONE_AFTER_MS / 1_000} s`);
    }, HEARTBEAT_EVERY_MS);
    void connection.closed().then(() => clearInterval(look));
  });
  connection.subscribe(commandsTo(name), {
    callback: (_, message) => {
      void session.carryOut(decode<WorkerCommand>(message.data)).then((answered) => {
        if (!connection.isClosed()) message.respond(encode(answered));
      });
    },
  });
  const answer = await ask(connection, { ...join, address });
  if (answer === "absent") return "absent";
  if (!answer.ok) {
    member.tellOnce(answer.problem);
    return answer.isFinal ? "refused" : "absent";
  }
  tell(`joined the run at nats://${coordinator} as ${name}, listening on ${address}`);
  let hasLeft = false;
  care.atEnd(async () => {
    if (hasLeft) return;
    say({ kind: "leaving" });
    await session.endAll();
    await allSaid(connection);
  });
  const why = await over;
  if (why !== "") tell(`${why}: ending what was started for it`);
  await session.endAll();
  hasLeft = true;
  say({ kind: "finished" });
  await allSaid(connection);
  return "over";
}

/** The client waits for ever for the answer of a server that has closed the connection. */
async function allSaid(connection: NatsConnection): Promise<void> {
  if (!connection.isClosed()) await Promise.race([connection.flush(), connection.closed()]);
}

/** A coordinator whose server is up may not listen yet; one that has ended is absent. */
async function ask(connection: NatsConnection, join: Join): Promise<JoinAnswer | "absent"> {
  try {
    const reply = await connection.request(JOIN, JSON.stringify(join), { timeout: ANSWER_WITHIN_MS });
    return reply.json<JoinAnswer>();
  } catch (error) {
    if (error instanceof RequestError || error instanceof TimeoutError || connection.isClosed()) return "absent";
    throw error;
  }
}

/** Of the addresses of this machine the one that the coordinator sees. Undefined: it has gone meanwhile. */
function ownAddressTowards(coordinator: string): Promise<string | undefined> {
  const { hostname: host, port } = new URL(`nats://${coordinator}`);
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port: Number(port) }, () => {
      resolve(socket.localAddress);
      socket.destroy();
    });
    socket.once("error", () => resolve(undefined));
  });
}

function natsAddress(text: string): { host: string; port: number } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "nats:" || url.hostname === "") {
    throw new InvalidArgumentError(
      `give nats://host:port, the address and port of the coordinator's hosts file. ${HOW_TO_TOKEN}.`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidArgumentError("a token on the command line is seen by everybody on this machine: use --token-file.");
  }
  return { host: url.hostname, port: url.port === "" ? DEFAULT_PORT : Number(url.port) };
}

function workerName(text: string): string {
  if (WORKER_NAME.test(text)) return text;
  throw new InvalidArgumentError("give 1 to 32 letters, digits, - and _.");
}

function ownName(): string {
  return hostname()
    .replaceAll(/[^\w-]/g, "-")
    .slice(0, 32);
}
