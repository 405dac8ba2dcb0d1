/** Machines as network namespaces: each has a line to this one and one to each other, and programs of it are started with `start`. Needs root. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../packages/bench/bin/bench.mjs", import.meta.url));

export interface Machine {
  /** Its own address. */
  address: string;
  /** The bench there; stderr is collected. */
  start(args: readonly string[], env: Record<string, string>): Worker;
}

export interface Worker {
  child: ChildProcess;
  /** All that it has said so far. */
  said(): string;
  ended: Promise<number | null>;
}

export interface Namespaces {
  /** Of this machine, as the others see it. */
  here: string;
  machines: Machine[];
  remove(): void;
}

/** As many machines, or why there are none here. Addresses come from the pid, so that two tests at a time do not meet. */
export function makeNamespaces(count: number): Namespaces | { obstacle: string } {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return { obstacle: "not root on Linux" };
  if (spawnSync("ip", ["-V"]).error) return { obstacle: "no ip (package iproute2)" };
  const names = Array.from({ length: count }, (_, i) => `hubscale-${process.pid}-${i}`);
  const net = `10.${200 + ((process.pid >> 8) % 50)}.${process.pid % 256}`;
  const ours = (i: number) => `${net}.${4 * i + 1}`;
  const theirs = (i: number) => `${net}.${4 * i + 2}`;
  const remove = () => {
    for (const name of names) spawnSync("ip", ["netns", "del", name]);
  };
  try {
    for (const [i, name] of names.entries()) {
      const line = `hs${process.pid}.${i}`;
      run(`ip netns add ${name}`);
      run(`ip link add ${line} type veth peer name eth0 netns ${name}`);
      run(`ip addr add ${ours(i)}/30 dev ${line}`);
      run(`ip link set ${line} up`);
      run(`ip -n ${name} addr add ${theirs(i)}/30 dev eth0`);
      run(`ip -n ${name} link set lo up`);
      run(`ip -n ${name} link set eth0 up`);
      run(`ip -n ${name} route add default via ${ours(i)}`);
    }
    // Lines of their own between them, so that this machine need not be told to forward packets.
    for (const [i, one] of names.entries()) {
      for (const [j, other] of names.entries()) {
        if (j <= i) continue;
        run(`ip -n ${one} link add to${j} type veth peer name to${i} netns ${other}`);
        run(`ip -n ${one} link set to${j} up`);
        run(`ip -n ${other} link set to${i} up`);
        run(`ip -n ${one} route add ${theirs(j)}/32 dev to${j} src ${theirs(i)}`);
        run(`ip -n ${other} route add ${theirs(i)}/32 dev to${i} src ${theirs(j)}`);
      }
    }
  } catch (error) {
    remove();
    return { obstacle: `this machine gives no network namespaces (${(error as Error).message.split("\n")[1] ?? "refused"})` };
  }
  const machines = names.map((name, i) => ({
    address: theirs(i),
    start: (args: readonly string[], env: Record<string, string>) => startIn(name, args, env),
  }));
  return { here: ours(0), machines, remove };
}

function startIn(name: string, args: readonly string[], env: Record<string, string>): Worker {
  // `ip` becomes the program that it is given, so the child is the bench itself.
  const child = spawn("ip", ["netns", "exec", name, process.execPath, PROGRAM, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { child, said: () => text, ended: new Promise((resolve) => child.once("close", (code) => resolve(code))) };
}

function run(line: string): void {
  const [command, ...args] = line.split(" ");
  execFileSync(command as string, args, { stdio: ["ignore", "ignore", "pipe"] });
}
