/** Which programs there are, from where, and what they can keep. Servers are started for it and asked, as a comparison would. */
import { spawnSync } from "node:child_process";
import { findErlang, type Provisioned, type ProvisionRequest, provisionNats, provisionRedis } from "../provisioning/index.ts";
import { programOnPath } from "../provisioning/server-program.ts";
import { type Finding, missing, note, ok, optional } from "./finding.ts";

export async function redisFinding(request: ProvisionRequest): Promise<Finding> {
  return serverFinding("Redis", "sharded-redis", await provisionRedis(request));
}

export async function natsFinding(request: ProvisionRequest): Promise<Finding> {
  return serverFinding("NATS", "sharded-nats", await provisionNats(request));
}

async function serverFinding(topic: string, hubs: string, provisioned: Provisioned): Promise<Finding> {
  if (provisioned.ok) {
    const { version, origin, durability, stop } = provisioned.server;
    await stop();
    return ok(topic, `${version}, ${origin}; syncs before it acknowledges (${durability.how})`);
  }
  const { code, message, nextStep, verified } = provisioned.refusal;
  if (code === "durability" && verified === "process") {
    return note(topic, message, `${hubs} is refused at --durability fsync; --durability process works`, nextStep);
  }
  return missing(topic, message, `${hubs} cannot be measured`, nextStep);
}

/** Only looked for where it already is: it is needed by `calibrate dets` alone, which fetches it. */
export async function erlangFinding(request: ProvisionRequest): Promise<Finding> {
  const sources = { ...request.sources, origins: ["path" as const] };
  const found = await findErlang({ ...request, sources });
  if (found.ok) return ok("Erlang", `OTP ${found.erlang.version}, ${found.erlang.origin}`);
  const means = "only `bench calibrate dets` needs it, and fetches it from the distribution's packages where there are any";
  return optional("Erlang", "not on the PATH", means, found.refusal.nextStep);
}

export function dockerFinding(): Finding {
  const asked = spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], { encoding: "utf8", timeout: 5_000 });
  if (asked.status === 0) return ok("Docker", `engine ${asked.stdout.trim()}`);
  const found = asked.error ? "no docker program" : (asked.stderr.trim().split("\n")[0] ?? "no answer");
  const means = "only needed where Redis and NATS can be had in no other way, and for the tests with containers";
  return optional("Docker", found, means, "install and start Docker, if you want those");
}

const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome"];

export function chromiumFinding(path: string): Finding {
  for (const name of CHROMIUM_NAMES) {
    const found = programOnPath(name, path, (command) => {
      const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8", timeout: 10_000 });
      return status === 0 ? /\d+\.\d+[\d.]*/.exec(stdout)?.[0] : undefined;
    });
    if (found) return ok("Chromium", `${found.version}, ${found.origin}`);
  }
  return note(
    "Chromium",
    "not on the PATH",
    "only the tests of the pages need one; the pages open in any browser",
    "apt-get install chromium",
  );
}
