/**
 * The line of the simulation beside the kernel's own token bucket (`tc tbf`) at the same rate, with the same bytes. Needs root, for two
 * network namespaces of its own; elsewhere it says so and is content.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { NETWORK_PATHS } from "@hubscale/fleet-model";
import { systemClock } from "@hubscale/sidecar-sim";
import { SiteLine } from "@hubscale/sidecar-sim/uplink";
import { expect, test } from "vitest";

const MBIT_PER_SEC = 10;
const BYTES = 2_500_000;
const [SITE, WORLD] = [`hubscale-${process.pid}a`, `hubscale-${process.pid}b`];

/** Takes all bytes of one connection and prints how long they took, from the first to the last. */
const RECEIVER = `const s=require("net").createServer((c)=>{let n=0,t0=0;c.on("data",(d)=>{t0||=performance.now();n+=d.length});
c.on("end",()=>{console.log(JSON.stringify({bytes:n,ms:performance.now()-t0}));process.exit()})});s.listen(7000,"10.213.7.2",()=>console.log("ready"))`;
const SENDER = `const c=require("net").connect(7000,"10.213.7.2",()=>c.end(Buffer.alloc(${BYTES})))`;

function run(line: string): void {
  const [command, ...args] = line.split(" ");
  execFileSync(command as string, args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Why it cannot be tried here; undefined when it can. */
function makeNamespaces(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "not root on Linux";
  if (spawnSync("tc", ["-V"]).error || spawnSync("ip", ["-V"]).error) return "no tc and ip (package iproute2)";
  try {
    run(`ip netns add ${SITE}`);
    run(`ip netns add ${WORLD}`);
    run(`ip -n ${SITE} link add eth0 type veth peer name eth0 netns ${WORLD}`);
    run(`ip -n ${SITE} addr add 10.213.7.1/24 dev eth0`);
    run(`ip -n ${WORLD} addr add 10.213.7.2/24 dev eth0`);
    run(`ip -n ${SITE} link set eth0 up`);
    run(`ip -n ${WORLD} link set eth0 up`);
    // Packets as large as a real line's: without this the sender hands the bucket packets of 64 KB, larger than its burst.
    spawnSync("ip", ["netns", "exec", SITE, "ethtool", "-K", "eth0", "tso", "off", "gso", "off"]);
    run(`tc -n ${SITE} qdisc add dev eth0 root tbf rate ${MBIT_PER_SEC}mbit burst 15kb latency 100ms`);
  } catch (error) {
    return `this machine gives no network namespaces or no tbf (${(error as Error).message.split("\n")[1] ?? "refused"})`;
  }
  return undefined;
}

function removeNamespaces(): void {
  for (const name of [SITE, WORLD]) spawnSync("ip", ["netns", "del", name]);
}

async function throughTbf(): Promise<{ bytes: number; ms: number }> {
  const inside = (name: string, program: string) =>
    spawn("ip", ["netns", "exec", name, process.execPath, "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const receiver: ChildProcess = inside(WORLD, RECEIVER);
  try {
    const lines = createInterface({ input: receiver.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    await lines.next();
    inside(SITE, SENDER);
    return JSON.parse((await lines.next()).value);
  } finally {
    receiver.kill();
  }
}

async function throughSiteLine(): Promise<{ bytes: number; ms: number }> {
  const line = new SiteLine({
    upBitsPerSec: MBIT_PER_SEC * 1e6,
    downBitsPerSec: 1e9,
    roundTripMs: 0,
    burstBytes: 15_000,
    clock: systemClock,
    timeScale: 1,
  });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const path = await line.open({ target, path: NETWORK_PATHS.plain, roundTripsToOpen: 1, port: 0 });
  const accepted = once(server, "connection");
  connect(path.port, "127.0.0.1", function (this: import("node:net").Socket) {
    this.end(Buffer.alloc(BYTES));
  });
  const [socket] = await accepted;
  let [bytes, firstMs] = [0, 0];
  for await (const chunk of socket) {
    firstMs ||= performance.now();
    bytes += chunk.length;
  }
  const ms = performance.now() - firstMs;
  await line.close();
  server.close();
  return { bytes, ms };
}

test("the same bytes take as long as through the kernel's token bucket", async () => {
  const obstacle = makeNamespaces();
  try {
    if (obstacle !== undefined) {
      process.stderr.write(`tbf: not compared with the kernel's shaper: ${obstacle}\n`);
      return;
    }
    const kernel = await throughTbf();
    const ours = await throughSiteLine();
    const mbit = ({ bytes, ms }: { bytes: number; ms: number }) => (bytes * 8) / ms / 1_000;
    process.stderr.write(`tbf: ${mbit(kernel).toFixed(2)} Mbit/s of payload, the site's line ${mbit(ours).toFixed(2)}\n`);
    expect([kernel.bytes, ours.bytes]).toEqual([BYTES, BYTES]);
    // The kernel counts the Ethernet header too (1,514 bytes a packet in place of 1,500), and drops where we hold back.
    expect(mbit(ours) / mbit(kernel)).toBeGreaterThan(0.9);
    expect(mbit(ours) / mbit(kernel)).toBeLessThan(1.1);
  } finally {
    removeNamespaces();
  }
});
