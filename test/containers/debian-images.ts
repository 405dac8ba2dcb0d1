/**
 * Images that behave as the official ones do, made of this machine's own Node and of Debian's packages: for an engine that reaches
 * no registry. Each holds a program, the libraries that it names, and a shell.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ProcessCare } from "hubscale/machine";
import { findProgram, programFromDebian, type ServerProgram, serverSourcesOf } from "hubscale/provisioning";
import type { ImageNames } from "./images.ts";

interface Recipe {
  name: string;
  programs: readonly Pick<ServerProgram, "command" | "env">[];
  /** A first argument that begins with `-` is one of this program's, as in the official images; it gets these further ones. */
  entrypoint?: readonly [program: string, ...args: string[]];
  /** Lines of a Dockerfile. */
  changes: readonly string[];
  /** What else it needs. */
  furnish?: (folder: string) => void;
}

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** Folders in which the loader looks without being told. */
const LIBRARIES = "/usr/lib";

export async function imagesFromDebian(care: ProcessCare): Promise<ImageNames> {
  const sources = { ...serverSourcesOf(process.env), origins: ["path", "debian"] as const };
  const { cacheFolder } = sources;
  const server = async (name: string, atLeast: string, because: string) => {
    const found = await findProgram({ name, atLeast, because }, { sources, care, durability: "fsync" });
    if ("program" in found) return found.program;
    throw new Error(`no ${name} for an image: ${found.reasons.join("; ")}`);
  };
  const busybox = await programFromDebian(
    { name: "busybox-static", atLeast: "1.30.0", tryOut: busyboxIn },
    { care, cacheFolder },
  );
  const redis = await server("redis-server", "6.2.0", "BullMQ");
  const nats = await server("nats-server", "2.10.0", "sync_interval");
  const make = (recipe: Recipe) => importImage(care, busybox.command, recipe);
  return {
    node: make({
      name: "node",
      programs: [{ command: process.execPath, env: {} }],
      changes: [`ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, 'CMD ["node"]'],
      furnish: addNode,
    }),
    redis: make({
      name: "redis",
      programs: [redis, { ...redis, command: redis.command.replace(/-server$/, "-cli") }],
      // As the official image is built: it is reached over the container's network.
      entrypoint: ["redis-server", "--protected-mode", "no"],
      changes: ["WORKDIR /data", "VOLUME /data", "EXPOSE 6379", 'CMD ["redis-server"]'],
    }),
    nats: make({
      name: "nats",
      programs: [nats],
      entrypoint: ["nats-server"],
      changes: ["EXPOSE 4222 8222 6222", 'CMD ["nats-server"]'],
    }),
  };
}

/** The image's name. */
function importImage(care: ProcessCare, busybox: string, recipe: Recipe): string {
  const folder = care.temporaryFolder("image");
  for (const path of ["bin", "etc", "usr/bin", "root"]) mkdirSync(join(folder, path), { recursive: true });
  mkdirSync(join(folder, "tmp"), { mode: 0o1777 });
  chmodSync(join(folder, "tmp"), 0o1777);
  addShell(folder, busybox);
  for (const program of recipe.programs) addProgram(folder, program);
  recipe.furnish?.(folder);
  const changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin", ...recipe.changes];
  if (recipe.entrypoint !== undefined) {
    const [program, ...args] = recipe.entrypoint;
    const script = join(folder, "usr/bin/docker-entrypoint.sh");
    const named = `case "\${1:-}" in -*) set -- ${program} "$@" ;; esac`;
    writeFileSync(script, `#!/bin/sh\n${named}\n[ "\${1:-}" != ${program} ] || set -- "$@" ${args.join(" ")}\nexec "$@"\n`);
    chmodSync(script, 0o755);
    changes.push('ENTRYPOINT ["docker-entrypoint.sh"]');
  }
  const name = `hubscale-debian/${recipe.name}:local`;
  const words = changes.map((change) => `--change '${change}'`).join(" ");
  run("sh", ["-c", `tar -C '${folder}' -c . | docker import ${words} - ${name}`]);
  care.removeFolder(folder);
  return name;
}

function addShell(folder: string, busybox: string): void {
  copyFileSync(busybox, join(folder, "bin/busybox"));
  for (const applet of run(busybox, ["--list"]).trim().split("\n")) {
    if (applet !== "busybox") symlinkSync("busybox", join(folder, "bin", applet));
  }
  symlinkSync("/bin/env", join(folder, "usr/bin/env"));
  writeFileSync(join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\n");
  writeFileSync(join(folder, "etc/group"), "root:x:0:\nnode:x:1000:\n");
}

function addProgram(folder: string, { command, env }: Recipe["programs"][number]): void {
  copyFileSync(realpathSync(command), join(folder, "usr/bin", basename(command)));
  const listed = spawnSync("ldd", [command], { env: { ...env, PATH: process.env["PATH"] }, encoding: "utf8" });
  // A statically linked one names none, and ldd says so with an error.
  for (const [, path = ""] of listed.stdout.matchAll(/(\/\S+) \(0x/g)) {
    const isSystems = /^\/(usr\/)?lib(64)?\//.test(path);
    // What was brought along for the program goes where the loader finds it by itself.
    const target = join(folder, isSystems ? path : join(LIBRARIES, basename(dirname(path)), basename(path)));
    mkdirSync(dirname(target), { recursive: true });
    if (!existsSync(target)) copyFileSync(realpathSync(path), target);
  }
}

/** Corepack, the authorities that this machine trusts (a mirror of the registry may be signed by its own), and libraries of addons. */
function addNode(folder: string): void {
  const corepack = dirname(dirname(realpathSync(run("sh", ["-c", "command -v corepack"]).trim())));
  mkdirSync(join(folder, "usr/lib/node_modules"), { recursive: true });
  run("cp", ["-r", corepack, join(folder, "usr/lib/node_modules/corepack")]);
  symlinkSync("../lib/node_modules/corepack/dist/corepack.js", join(folder, "usr/bin/corepack"));
  mkdirSync(join(folder, dirname(CERTIFICATES)), { recursive: true });
  if (existsSync(CERTIFICATES)) copyFileSync(CERTIFICATES, join(folder, CERTIFICATES));
}

function busyboxIn(folder: string): Pick<ServerProgram, "command" | "env" | "version"> | undefined {
  const command = ["bin/busybox", "usr/bin/busybox"].map((path) => join(folder, path)).find((path) => existsSync(path));
  const version = command && /v(\d+\.\d+\.\d+)/.exec(spawnSync(command, { encoding: "utf8" }).stdout)?.[1];
  return version === undefined || command === undefined ? undefined : { command, env: {}, version };
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}
