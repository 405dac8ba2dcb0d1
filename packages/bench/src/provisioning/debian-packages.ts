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
  /** Of the package; without `tryOut`, of its executable too: `redis-server`, `nats-server`. */
  name: string;
  /** An older one in the system's release is passed over for the next release's, where there is one. */
  atLeast: string;
  /** Finds the program in a folder with the unpacked packages and runs it; undefined when it does not run here. */
  tryOut?: (folder: string, env: Record<string, string>) => Pick<ServerProgram, "command" | "env" | "version"> | undefined;
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
export async function programFromDebian(program: DebianProgram, place: Place): Promise<ServerProgram> {
  const release = readRelease();
  const releases = [release, NEXT_RELEASE.get(release)].filter((name) => name !== undefined);
  for (const name of releases) {
    const known = unpackedIn(cacheOf(place, name, program.name), program, name);
    if (known && isAtLeast(known.version, program.atLeast)) return known;
  }
  mkdirSync(place.cacheFolder, { recursive: true });
  const staging = place.care.temporaryFolder("download", place.cacheFolder);
  try {
    return await download(program, releases, staging, place);
  } finally {
    place.care.removeFolder(staging);
  }
}

export interface Place {
  care: ProcessCare;
  cacheFolder: string;
  /** Told before something is downloaded. */
  tell?: (line: string) => void;
}

const cacheOf = ({ cacheFolder }: Place, release: string, name: string) => join(cacheFolder, "debian", release, name);

/** A program in a folder with unpacked packages; undefined when it is not there or does not run here. */
function unpackedIn(folder: string, { name, tryOut }: DebianProgram, release: string): ServerProgram | undefined {
  if (!existsSync(folder)) return undefined;
  const libraries = libraryFolders(folder);
  const env: Record<string, string> = libraries.length > 0 ? { LD_LIBRARY_PATH: libraries.join(":") } : {};
  const found = (tryOut ?? executableOf(name))(folder, env);
  return found && { ...found, origin: `package ${name} of ${release}` };
}

function executableOf(name: string): NonNullable<DebianProgram["tryOut"]> {
  return (folder, env) => {
    const command = ["usr/bin", "usr/sbin"].map((bin) => join(folder, bin, name)).find((path) => existsSync(path));
    if (command === undefined) return undefined;
    const version = versionOf(command, env);
    return version === undefined ? undefined : { command, env, version };
  };
}

function libraryFolders(folder: string): string[] {
  const roots = [join(folder, "usr/lib"), join(folder, "lib")].filter((root) => existsSync(root));
  return roots.flatMap((root) =>
    readdirSync(root)
      .filter((name) => name.includes("-linux-gnu"))
      .map((name) => join(root, name)),
  );
}

async function download(
  program: DebianProgram,
  releases: readonly string[],
  staging: string,
  place: Place,
): Promise<ServerProgram> {
  const { name, atLeast } = program;
  place.tell?.(`looking for ${name} in the distribution's packages`);
  const apt = new Apt(staging, place.care);
  const [own = ""] = releases;
  await apt.update();
  const passedOver: string[] = [];
  for (const release of releases) {
    if (release !== own) await apt.useRelease(release, await apt.sourceOf(own));
    const version = await apt.versionOf(name);
    if (version === undefined || !isAtLeast(version, atLeast)) {
      passedOver.push(`${release} has ${version ?? "none"}`);
      continue;
    }
    place.tell?.(`downloading ${name} ${version} of ${release} into ${place.cacheFolder}`);
    const folder = await apt.unpack(name, release);
    if (unpackedIn(folder, program, release)) {
      const stored = store(folder, cacheOf(place, release, name), (path) => unpackedIn(path, program, release));
      if (stored) return stored;
    }
    passedOver.push(`that of ${release} does not run here`);
  }
  throw new Error(`no ${name} ${atLeast} or newer: ${passedOver.join(", ")}`);
}

/**
 * A folder appears in the cache by one rename, complete and tried. Where there is one already it is of another program that
 * was faster, and as good; or it is broken, and goes.
 */
function store<T>(folder: string, target: string, tryOut: (folder: string) => T | undefined): T | undefined {
  mkdirSync(dirname(target), { recursive: true });
  try {
    renameSync(folder, target);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    if (tryOut(target) === undefined) {
      rmSync(target, { recursive: true, force: true });
      renameSync(folder, target);
    }
  }
  return tryOut(target);
}

/** apt with its lists and caches in a folder of ours, so that it needs no rights on the system's. */
class Apt {
  readonly #folder: string;
  readonly #care: ProcessCare;
  #steps = 0;

  constructor(folder: string, care: ProcessCare) {
    this.#folder = folder;
    this.#care = care;
    for (const name of ["lists/partial", "cache/archives/partial"]) {
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
      // Container images switch these off to stay small; every call would then parse all lists again.
      'Dir::Cache::pkgcache "pkgcache.bin";',
      'Dir::Cache::srcpkgcache "srcpkgcache.bin";',
      'Acquire::Languages "none";',
      // Started by root, apt would otherwise become a user that may not write here, and use another temporary folder.
      'APT::Sandbox::User "root";',
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

  /** The upstream version that would be downloaded. */
  async versionOf(name: string): Promise<string | undefined> {
    const described = await this.#apt("apt-cache", ["policy", name]);
    // [epoch:]upstream-revision
    return /^\s*Candidate: (?:\d+:)?(\d[^-\s]*)/m.exec(described)?.[1];
  }

  /** The package, the packages of its suite that hold its program, and the libraries that these name. */
  async #withLibraries(name: string): Promise<string[]> {
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

  /** The folder with the package and what it needs, unpacked. */
  async unpack(name: string, release: string): Promise<string> {
    const packages = join(this.#folder, `packages-${release}`);
    const unpacked = join(this.#folder, `unpacked-${release}`);
    mkdirSync(packages);
    mkdirSync(unpacked);
    await this.#apt("apt-get", ["-q", "download", ...(await this.#withLibraries(name))], packages);
    for (const file of readdirSync(packages)) await this.#run("dpkg-deb", ["-x", join(packages, file), unpacked]);
    return unpacked;
  }

  #configure(lines: readonly string[]): void {
    writeFileSync(join(this.#folder, "apt.conf"), `${lines.join("\n")}\n`, { flag: "a" });
  }

  #apt(command: string, args: readonly string[], cwd?: string): Promise<string> {
    return this.#run(command, ["-c", join(this.#folder, "apt.conf"), ...args], cwd);
  }

  /** What the command prints. Rejects with its last words when it fails. */
  async #run(command: string, args: readonly string[], cwd: string = this.#folder): Promise<string> {
    const log = join(this.#folder, `step-${++this.#steps}.log`);
    // The words that are looked for in the output are translated otherwise; and apt that is killed leaves temporary files.
    const spec = {
      name: command,
      role: "download",
      command: "env",
      args: ["LC_ALL=C", `TMPDIR=${this.#folder}`, command, ...args],
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
