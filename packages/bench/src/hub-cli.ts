/** `pnpm hub single|sharded …`: a hub by hand, started as the bench starts it. */
import { parseArgs } from "node:util";
import { EDGE_FLAGS, edgeFlagsOf } from "@hubscale/hub-runtime";
import { Command, CommanderError, Option } from "commander";
import { type HubSpec, MAX_NODES, MAX_SERVERS, parseHubId, startHub } from "./drivers/index.ts";
import { EXIT } from "./exit-codes.ts";
import { FSYNC_FLOOR } from "./fsync-floor-option.ts";
import { describeEnd, ProcessCare } from "./machine/index.ts";
import { serverSourcesOf } from "./provisioning/index.ts";
import { wholeNumberFrom } from "./option-values.ts";

interface CommonOptions {
  port: number;
  data?: string;
  rateLimits: string;
  registration: string;
  registrationTokenFile?: string;
  maxConnections?: number;
  allowLinkLocalEndpoints?: true;
  publicUrl?: string;
  allowedHost?: string;
  allowedOrigin?: string;
  trustedProxy?: string;
}

const program = new Command("hub")
  .description("Starts a hub and prints one line with its addresses when it is ready. Ctrl-C or SIGTERM drains and stops it.")
  .showHelpAfterError("(--help shows all options)")
  .showSuggestionAfterError()
  .exitOverride();

hubCommand("single", "one process, its tasks in LevelDB")
  .addOption(
    new Option("--profile <name>", "with the reference's costs, or without")
      .choices(["reference", "tuned"])
      .default("reference"),
  )
  .option("--fix <list>", "single fixes of the reference, for instance C1,C3")
  .option(...FSYNC_FLOOR)
  .action(async ({ profile, fix, fsyncFloorMs, ...common }: CommonOptions & SingleOptions) => {
    const id = [`single-${profile}`, ...(fix === undefined ? [] : fix.split(",").map((name) => name.trim()))].join("+");
    const parsed = parseHubId(id);
    if (!parsed.ok) program.error(`error: --fix: ${parsed.problem}`, { exitCode: EXIT.usage });
    else await run(parsed.spec, common, { durability: "fsync", fsyncFloorMs });
  });

interface SingleOptions {
  profile: string;
  fix?: string;
  fsyncFloorMs: number;
}

hubCommand("sharded", "several nodes over one engine")
  .option("--nodes <n>", `1 to ${MAX_NODES}; node i listens on the port + i`, wholeNumberFrom(1, MAX_NODES), 2)
  .addOption(new Option("--backbone <engine>", "what holds the tasks").choices(["redis", "nats"]).default("redis"))
  .option("--shards <n>", "queue shards; default: the nodes' own choice", wholeNumberFrom(1, 256))
  .option("--backbone-servers <n>", `1 to ${MAX_SERVERS}; the shards are spread over them`, wholeNumberFrom(1, MAX_SERVERS), 1)
  .option("--replicas <n>", "NATS servers that keep each task (1, or 3 of three or more servers)", wholeNumberFrom(1, 5), 1)
  .option("--redis-cluster", "the Redis servers form a Redis Cluster (three or more)", false)
  .addOption(
    new Option("--durability <level>", "what an acknowledgement survives").choices(["fsync", "process"]).default("fsync"),
  )
  .option(...FSYNC_FLOOR)
  .action(async (options: CommonOptions & ShardedOptions) => {
    const {
      nodes,
      backbone,
      shards,
      backboneServers: servers,
      redisCluster,
      replicas,
      durability,
      fsyncFloorMs,
      ...common
    } = options;
    const spec: HubSpec = { kind: "sharded", backbone, nodes, servers };
    const isRedisCluster = redisCluster && backbone === "redis";
    await run(spec, common, { durability, fsyncFloorMs, isRedisCluster, replicas, ...(shards !== undefined && { shards }) });
  });

interface ShardedOptions {
  nodes: number;
  backbone: "redis" | "nats";
  shards?: number;
  backboneServers: number;
  redisCluster: boolean;
  replicas: number;
  durability: "fsync" | "process";
  fsyncFloorMs: number;
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}

function hubCommand(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option("--port <n>", "0: any free one", wholeNumberFrom(0, 65_535), 4_000)
    .option("--data <dir>", "where the tasks are kept from run to run; default: a temporary folder, removed at the end")
    .option("--rate-limits <what>", "off, reference, or a file", "reference")
    .addOption(
      new Option("--registration <who>", "who may register agents").choices(["open", "token", "closed"]).default("open"),
    )
    .option("--registration-token-file <file>", "with --registration token: holds the token that registers")
    .option(
      "--max-connections <n>",
      "agents' connections to one node; default: what the limit of open files leaves, 18000 at most",
      wholeNumberFrom(1, 999_999),
    )
    .option("--public-url <url>", "as clients reach the hub, where that is not its own address")
    .option("--allowed-host <names>", "by which clients may call the hub beside localhost, addresses and the public URL")
    .option("--allowed-origin <urls>", "of sites whose pages may use the hub from a browser")
    .option("--trusted-proxy <networks>", "of balancers that say for whom they ask, like 10.0.0.0/8")
    .option("--allow-link-local-endpoints", "poll endpoints at link-local, multicast and metadata addresses too");
}

/** Until a signal: the process care exits then. Earlier only when the hub cannot be had or ends by itself. */
async function run(
  spec: HubSpec,
  { port, data, rateLimits, ...edge }: CommonOptions,
  rest: { durability: "fsync" | "process"; fsyncFloorMs: number; shards?: number; isRedisCluster?: boolean; replicas?: number },
): Promise<void> {
  const edgeFlags = edgeArguments(edge);
  const care = new ProcessCare({ handleSignals: true, exitCodeOf: () => EXIT.ok });
  const tell = (line: string) => {
    // What fails on the way out fails because it was told to end.
    if (!care.ending) process.stderr.write(`hub: ${line}\n`);
  };
  try {
    const sources = serverSourcesOf(process.env);
    const keep = data === undefined ? {} : { keptFolder: data };
    const started = await startHub(spec, {
      care,
      sources,
      port,
      rateLimits,
      edgeFlags,
      log: "inherit",
      tell,
      ...rest,
      ...keep,
    });
    if (!started.ok) {
      tell(`${started.refusal.message}\nhub: next step: ${started.refusal.nextStep}`);
      process.exitCode = EXIT.error;
      return;
    }
    const { hub } = started;
    care.atEnd(() => hub.stop());
    process.stdout.write(
      `${JSON.stringify({ ready: true, ws: hub.ws, http: hub.http, pids: Object.fromEntries(hub.roles) })}\n`,
    );
    const first = await Promise.race(hub.nodes.map(async (node) => ({ name: node.name, end: await node.ended })));
    if (care.ending) return;
    tell(`${first.name} has ended by itself (${describeEnd(first.end)})`);
    process.exitCode = EXIT.error;
  } catch (error) {
    tell((error as Error).message);
    process.exitCode = EXIT.error;
  } finally {
    await care.close();
  }
}

/** As the hubs' programs take them. What does not go together is refused before anything is started. */
function edgeArguments(options: Omit<CommonOptions, "port" | "data" | "rateLimits">): string[] {
  const valued = {
    registration: options.registration,
    "registration-token-file": options.registrationTokenFile,
    "max-connections": options.maxConnections,
    "public-url": options.publicUrl,
    "allowed-host": options.allowedHost,
    "allowed-origin": options.allowedOrigin,
    "trusted-proxy": options.trustedProxy,
  };
  const flags = Object.entries(valued).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, String(value)]));
  if (options.allowLinkLocalEndpoints) flags.push("--allow-link-local-endpoints");
  try {
    edgeFlagsOf(parseArgs({ args: flags, options: EDGE_FLAGS }).values);
  } catch (error) {
    program.error(`error: ${(error as Error).message}`, { exitCode: EXIT.usage });
  }
  return flags;
}
