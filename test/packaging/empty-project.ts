/** A user's project: nothing in it but the packed packages and what these ask the registry for. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const workspace = fileURLToPath(new URL("../..", import.meta.url));

export interface PackedPackage {
  name: string;
  tarball: string;
}

export class EmptyProject {
  readonly folder = mkdtempSync(join(tmpdir(), "hubscale-packed-"));

  /** Packs the workspace as for the registry and installs all of it. */
  installPacked(): PackedPackage[] {
    const packed = this.#pack();
    const tarballs = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]));
    const { packageManager } = JSON.parse(readFileSync(join(workspace, "package.json"), "utf8")) as { packageManager: string };
    const manifest = {
      name: "a-users-project",
      private: true,
      type: "module",
      packageManager,
      dependencies: tarballs,
      pnpm: {
        // They name each other by version; a registry that has these would not need to be told where they are.
        overrides: tarballs,
        // With 100 packages of its own it would double the time, and everything but Docker has to work without it.
        ignoredOptionalDependencies: ["testcontainers"],
      },
    };
    this.write("package.json", JSON.stringify(manifest));
    succeeded(this.run("pnpm", ["install", "--prefer-offline", "--reporter=append-only"]));
    return packed;
  }

  write(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content);
  }

  run(program: string, args: readonly string[], cwd = this.folder): SpawnSyncReturns<string> {
    // A package manager that runs these tests hands down where the workspace's packages are, and the workspace's settings.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => name !== "NODE_PATH" && !/^(npm|pnpm)_config_/i.test(name)),
    );
    return spawnSync(program, args, {
      cwd,
      encoding: "utf8",
      env: { ...env, CI: "true", COREPACK_ENABLE_DOWNLOAD_PROMPT: "0" },
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  #pack(): PackedPackage[] {
    const tarballs = join(this.folder, "tarballs");
    mkdirSync(tarballs);
    succeeded(this.run("pnpm", ["pack", "--recursive", "--filter", "./packages/*", "--pack-destination", tarballs], workspace));
    return readdirSync(join(workspace, "packages")).map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(workspace, "packages", folder, "package.json"), "utf8")) as {
        name: string;
        version: string;
      };
      return { name, tarball: join(tarballs, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`) };
    });
  }
}

function succeeded({ status, stdout, stderr, error }: SpawnSyncReturns<string>): void {
  if (error) throw error;
  if (status !== 0) throw new Error(`exit code ${status}\n${stdout}\n${stderr}`);
}
