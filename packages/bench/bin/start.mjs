// Runs a compiled program of this package. In a source checkout the compiler brings dist/ up to date first (incremental,
// a fraction of a second), so that `pnpm bench` never measures stale code; in an installed package dist/ is shipped.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));
const workspaceDir = dirname(dirname(packageDir));

/** @param {string} program file name below dist/ */
export async function start(program) {
  if (existsSync(join(packageDir, "src")) && existsSync(join(workspaceDir, "tsconfig.base.json"))) await build();
  await import(pathToFileURL(join(packageDir, "dist", program)).href);
}

/** Ended in the middle, it takes the compiler with it: that is two processes, so it gets a process group of its own. */
async function build() {
  const require = createRequire(join(workspaceDir, "package.json"));
  const manifest = require.resolve("typescript/package.json");
  const compiler = join(dirname(manifest), require(manifest).bin.tsc);
  const child = spawn(process.execPath, [compiler, "-b"], {
    cwd: workspaceDir,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const endings = SIGNALS.map((signal) => {
    const end = () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
      process.removeListener(signal, end);
      process.kill(process.pid, signal);
    };
    process.on(signal, end);
    return { signal, end };
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => output.push(data));
  const status = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  for (const { signal, end } of endings) process.removeListener(signal, end);
  if (status === 0) return;
  process.stderr.write(`hubscale: the source does not compile; see \`pnpm build\`.\n${Buffer.concat(output)}`);
  process.exit(1);
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
