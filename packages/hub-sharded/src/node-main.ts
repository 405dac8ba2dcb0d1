/** The program of one node: reads its flags, wires the parts, prints one line when it is ready. */
import { hostname } from "node:os";
import {
  failureInWords,
  InputFileError,
  rateLimitsOf,
  registrationPolicyOf,
  startHubEdge,
  systemClock,
  systemRandomHex,
} from "@hubscale/hub-runtime";
import { type NodeFlags, parseNodeFlags } from "./node-flags.ts";
import { type BackboneChoice, openShardedNode } from "./sharded-node.ts";

// In containers every program may have the same pid, and on one machine every program has the same host name.
const ownName = `${hostname()
  .replaceAll(/[^\w.-]/g, "-")
  .slice(0, 48)}-${process.pid}`;
const parsed = parseNodeFlags(process.argv.slice(2), ownName);
if (parsed.ok)
  await run(parsed.flags).catch((error: unknown) => end(error instanceof InputFileError ? 2 : 1, failureInWords(error)));
else end(2, parsed.message);

async function run(flags: NodeFlags): Promise<void> {
  const fail = (error: unknown) => end(1, failureInWords(error));
  const rateLimits = await rateLimitsOf(flags.rateLimits);
  const registration = registrationPolicyOf(flags);
  const parts = { ...flags, backbone: backboneOf(flags), clock: systemClock, randomHex: systemRandomHex, log };
  const node = await openShardedNode({ ...parts, onFault: fail });
  const edge = await startHubEdge({
    ...parts,
    registration,
    rateLimits,
    behaviour: { warts: false, presence: "digest" },
    backplane: node.backplane,
    makeTasks: (roster, view) => node.makeTasks(roster, view),
    onBroken: fail,
  });

  let closing: Promise<void> | undefined;
  const stop = () => {
    closing ??= edge.close().then(() => {
      node.close();
      process.exit(0);
    }, fail);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (flags.exitWithParent) process.stdin.on("end", stop).resume();

  const ready = { ready: true, ws: [edge.wsUrl], http: [edge.httpUrl], pids: { hub: [process.pid] } };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  log(`node ${flags.node} of ${flags.namespace}, ${flags.shards} shards, lease ${flags.leaseMs} ms`);
}

function backboneOf(flags: NodeFlags): BackboneChoice {
  const { engine, isRedisCluster, natsMonitors, natsUrls, redisUrls, replicas } = flags;
  return engine === "redis" ? { engine, redisUrls, isRedisCluster } : { engine, natsUrls, natsMonitors, replicas };
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** At once: nothing more may be acknowledged, and the engine has all that was. */
function end(code: 1 | 2, message: string): void {
  log(`hub-sharded: ${message}`);
  process.exit(code);
}
