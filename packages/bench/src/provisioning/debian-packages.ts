/**
 * Servers from the packages of Debian or Ubuntu, unpacked into a cache folder: needs no root, installs nothing, changes nothing
 * on the system. The system's own apt sources, keys and proxy settings are used, with lists and caches of our own, since a
 * fresh machine has empty lists and only root may fill them.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ProcessCare } from "../machine/index.ts";
import { isAtLeast, type ServerProgram, versionOf } from "./server-program.ts";

export interface DebianProgram {
  /** Package and executable have one name: `redis-server`, `nats-server`. */
  name: string;
  /** An older one in the system's release is passed over for the next release's, where there is one. */
  atLeast: string;
}

/** Each release of Debian and the one after it, whose statically linked programs run here too. */
const NEXT_RELEASE = new Map([
  ["bullseye", "bookworm"],
  ["bookworm", "trixie"],
  ["trixie", "forky"],
]);

/** Shadowing the C library of the running system breaks the loader; everything else may be brought along. */
const NEVER_BRING = new Set(["libc6"]);

/** apt on a network without answer gives up after its own timeouts; this is the limit for all of one step. */
const STEP_TIMEOUT_MS = 120_000;

/** Rejects with the reason when the packages cannot be had. Downloads once; later calls find the cache. */
export async function programFromDebian(
  program: DebianProgram,
  { care, cacheFolder, tell }: { care: ProcessCare; cacheFolder: string; tell?: (line: string) => void },
): Promise<ServerProgram> {
  const release = readRelease();
  const wanted = [release, NEXT_RELEASE.get(release)].filter((name) => name !== undefined);
  const tooOld: string[] = [];
  const tryCached = (name: string) => cached(join(cacheFolder, "debian", name, program.name), program.name, name);
  for (const name of wanted) {
    const known = tryCached(name);
    if (known && isAtLeast(known.version, program.atLeast)) return known;
  }
  for (const name of wanted) {
    if (!tryCached(name)) {
      tell?.(`fetching ${program.name} from the packages of ${name} into ${cacheFolder}`);
      await download(program.name, { release, wanted: name, care, cacheFolder });
    }
    const fetched = tryCached(name);
    if (fetched && isAtLeast(fetched.version, program.atLeast)) return fetched;
    tooOld.push(`${name} has ${fetched?.version ?? "none that runs here"}`);
  }
  throw new Error(`${program.name} ${program.atLeast} or newer is not in the distribution's packages: ${tooOld.join(", ")}`);
}

/** A folder appears in the cache by one rename when it is complete; what does not run is thrown away and fetched again. */
function cached(folder: string, name: string, release: string): ServerProgram | undefined {
  const command = join(folder, "usr/bin", name);
  if (!existsSync(command)) return undefined;
  const libraries = libraryFolders(folder);
  const env: Record<string, string> = libraries.length > 0 ? { LD_LIBRARY_PATH: libraries.join(":") } : {};
  const version = versionOf(command, env);
  return version === undefined ? undefined : { command, env, version, origin: `package ${name} of ${release}` };
}

function libraryFolders(folder: string): string[] {
  const roots = [join(folder, "usr/lib"), join(folder, "lib")].filter((root) => existsSync(root));
  return roots.flatMap((root) =>
    readdirSync(root)
      .filter((name) => name.includes("-linux-gnu"))
      .map((name) => join(root, name)),
  );
}

interface Download {
  release: string;
  wanted: string;
  care: ProcessCare;
  cacheFolder: string;
}

async function download(name: string, { release, wanted, care, cacheFolder }: Download): Promise<void> {
  mkdirSync(cacheFolder, { recursive: true });
  const staging = care.temporaryFolder("download", cacheFolder);
  try {
    const apt = new Apt(staging, care);
    await apt.update();
    if (wanted !== release) await apt.useRelease(wanted, await apt.sourceOf(release));
    const unpacked = join(staging, "unpacked");
    for (const file of await apt.download(await apt.withLibraries(name))) {
      await apt.run("dpkg-deb", ["-x", file, unpacked]);
    }
    const target = join(cacheFolder, "debian", wanted, name);
    mkdirSync(dirname(target), { recursive: true });
    moveInto(unpacked, target, () => cached(target, name, wanted) !== undefined);
  } finally {
    care.removeFolder(staging);
  }
}

/** Another program may have been faster: then its copy, if it runs, is as good as ours. */
function moveInto(unpacked: string, target: string, isGood: () => boolean): void {
  try {
    renameSync(unpacked, target);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    if (isGood()) return;
    rmSync(target, { recursive: true, force: true });
    renameSync(unpacked, target);
  }
}

/** apt with its lists and caches in a folder of ours, so that it needs no rights on the system's. */
class Apt {
  readonly #folder: string;
  readonly #care: ProcessCare;
  #steps = 0;

  constructor(folder: string, care: ProcessCare) {
    this.#folder = folder;
    this.#care = care;
    for (const name of ["lists/partial", "cache/archives/partial", "packages", "unpacked"]) {
      mkdirSync(join(folder, name), { recursive: true });
    }
    // Read after the system's own configuration, so that it keeps its proxies and takes back its hooks: those would touch
    // the system's caches.
    this.#configure([
      "#clear APT::Update::Pre-Invoke;",
      "#clear APT::Update::Post-Invoke;",
      "#clear APT::Update::Post-Invoke-Success;",
      `Dir::State::Lists "${folder}/lists";`,
      `Dir::Cache "${folder}/cache";`,
      'Acquire::Languages "none";',
      'Acquire::Retries "1";',
      'Acquire::http::Timeout "20";',
      'Acquire::https::Timeout "20";',
    ]);
  }

  async update(): Promise<void> {
    await this.#apt("apt-get", ["-q", "update"]);
  }

  /** The mirror and the key by which this system gets its main component of `release`. */
  async sourceOf(release: string): Promise<{ uri: string; key: string | undefined }> {
    const format = "$(CODENAME)|$(COMPONENT)|$(REPO_URI)|$(SOURCESENTRY)";
    const targets = await this.#apt("apt-get", ["indextargets", "--format", format]);
    for (const line of targets.split("\n")) {
      const [codename, component, uri, entry] = line.split("|");
      if (codename !== release || component !== "main" || uri === undefined) continue;
      return { uri, key: entry === undefined ? undefined : signingKeyIn(readFileSync(entry.replace(/:\d+$/, ""), "utf8")) };
    }
    throw new Error(`the apt sources of this system name no mirror for ${release}`);
  }

  /** From now on only this release of that mirror. */
  async useRelease(release: string, { uri, key }: { uri: string; key: string | undefined }): Promise<void> {
    const list = join(this.#folder, "sources.list");
    writeFileSync(list, `deb ${key === undefined ? "" : `[signed-by=${key}] `}${uri} ${release} main\n`);
    this.#configure([`Dir::Etc::sourcelist "${list}";`, 'Dir::Etc::sourceparts "/dev/null";']);
    await this.update();
  }

  /** The package, the packages of its suite that hold its program, and the libraries that these name. */
  async withLibraries(name: string): Promise<string[]> {
    const suite = name.split("-")[0] ?? name;
    const packages = new Set([name]);
    for (const known of packages) {
      const described = await this.#apt("apt-cache", ["depends", known]);
      for (const [, dependency = ""] of described.matchAll(/^\s*\|?(?:Pre)?Depends: ([a-z0-9][a-z0-9+.-]*)$/gm)) {
        if (dependency.startsWith(`${suite}-`)) packages.add(dependency);
        else if (known.startsWith(`${suite}-`) && /^(lib|lua-)/.test(dependency) && !NEVER_BRING.has(dependency))
          packages.add(dependency);
      }
    }
    return [...packages];
  }

  /** The downloaded files. */
  async download(packages: readonly string[]): Promise<string[]> {
    const folder = join(this.#folder, "packages");
    await this.#apt("apt-get", ["-q", "download", ...packages], folder);
    return readdirSync(folder).map((file) => join(folder, file));
  }

  #configure(lines: readonly string[]): void {
    writeFileSync(join(this.#folder, "apt.conf"), `${lines.join("\n")}\n`, { flag: "a" });
  }

  #apt(command: string, args: readonly string[], cwd?: string): Promise<string> {
    return this.run(command, ["-c", join(this.#folder, "apt.conf"), ...args], cwd);
  }

  /** What the command prints. Rejects with its last words when it fails. */
  async run(command: string, args: readonly string[], cwd: string = this.#folder): Promise<string> {
    const log = join(this.#folder, `step-${++this.#steps}.log`);
    // The words that are looked for in the output are translated otherwise.
    const spec = {
      name: command,
      role: "download",
      command: "env",
      args: ["LC_ALL=C", command, ...args],
      cwd,
      stdout: "log",
      log,
    } as const;
    const child = await this.#care.start(spec);
    const timer = setTimeout(() => void child.stop(), STEP_TIMEOUT_MS);
    const { code } = await child.ended;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`${command} ${args.at(2) ?? ""} failed\n${child.logTail()}`);
    return readFileSync(log, "utf8");
  }
}

/** `Signed-By: FILE` or `[signed-by=FILE]`; undefined when the key is elsewhere, as with the system's trusted keys. */
export function signingKeyIn(sources: string): string | undefined {
  return /signed-by[ \t]*[:=][ \t]*(\/[^\s\]]+)/i.exec(sources)?.[1];
}

function readRelease(): string {
  if (!existsSync("/etc/os-release") || !existsSync("/usr/bin/apt-get")) throw new Error("not a Debian or Ubuntu system");
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  if (codename === undefined) throw new Error("/etc/os-release names no release");
  return codename;
}
