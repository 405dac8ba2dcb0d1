// Runs a compiled program of this package. In a source checkout the compiler brings dist/ up to date first (incremental,
// a fraction of a second), so that `pnpm bench` never measures stale code; in an installed package dist/ is shipped.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));
const workspaceDir = dirname(dirname(packageDir));

/** @param {string} program file name below dist/ */
export async function start(program) {
  if (existsSync(join(packageDir, "src")) && existsSync(join(workspaceDir, "tsconfig.base.json"))) build();
  await import(pathToFileURL(join(packageDir, "dist", program)).href);
}

function build() {
  const require = createRequire(join(workspaceDir, "package.json"));
  const manifest = require.resolve("typescript/package.json");
  const compiler = join(dirname(manifest), require(manifest).bin.tsc);
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, "-b"], { cwd: workspaceDir, encoding: "utf8" });
  if (status === 0) return;
  process.stderr.write(`hubscale: the source does not compile; see \`pnpm build\`.\n${stdout}${stderr}`);
  process.exit(1);
}
