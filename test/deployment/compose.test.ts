/**
 * The Dockerfile and docker-compose.yml, as far as a machine without their images can tell: their words are those of our programs and
 * servers. Where `docker compose` is present it checks the file itself.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { ProcessCare } from "hubscale/machine";
import { provisionRedis, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { NodeProcess } from "../hub-sharded/node-process.ts";

interface Service {
  image: string;
  profiles: string[];
  command?: string[];
  healthcheck?: { test: string[] };
  ports?: string[];
  volumes?: string[];
  depends_on?: unknown;
  environment?: Record<string, string>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const text = (file: string) => readFileSync(join(root, file), "utf8");
const { services, volumes } = parse(text("docker-compose.yml"), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
};
const serviceOf = (name: string) => services[name] as Service;
const flagsOf = (name: string) => (serviceOf(name).command ?? []).map((word) => word.replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1"));

describe("docker-compose.yml", () => {
  it("has a profile for each backbone: servers, nodes, and a load balancer in front", () => {
    const inProfile = (profile: string) => Object.keys(services).filter((name) => serviceOf(name).profiles.includes(profile));
    expect(inProfile("redis")).toEqual(["redis", "hub-redis", "balancer-redis"]);
    expect(inProfile("nats")).toEqual(["nats-1", "nats-2", "nats-3", "hub-nats", "balancer-nats"]);
  });

  it("publishes the load balancer alone, and on this machine only", () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(published.map(([name]) => name)).toEqual(["balancer-redis", "balancer-nats"]);
    expect(published.filter(([, port]) => !port?.startsWith("127.0.0.1:"))).toEqual([]);
  });

  it("keeps the data of every server in a volume of its own, and checks the health of each", () => {
    for (const name of ["redis", "nats-1", "nats-2", "nats-3"]) {
      const { healthcheck, volumes: mounts = [] } = serviceOf(name);
      expect(healthcheck?.test[0]).toBe("CMD");
      expect(Object.keys(volumes).filter((volume) => mounts.some((mount) => mount.startsWith(`${volume}:/data`)))).toHaveLength(
        1,
      );
    }
  });

  it("is what docker compose takes, where there is one", () => {
    const [command, ...first] =
      [["docker", "compose"], ["docker-compose"]].find(
        ([program = "", ...words]) => spawnSync(program, [...words, "version"], { encoding: "utf8" }).status === 0,
      ) ?? [];
    if (command === undefined) process.stdout.write("docker compose config: not checked, there is no docker compose here\n");
    for (const profile of command === undefined ? [] : ["redis", "nats"]) {
      const words = [...first, "--profile", profile, "config", "--quiet"];
      const { status, stderr } = spawnSync(command as string, words, { cwd: root, encoding: "utf8" });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    }
    expect(text("docker-compose.yml")).toContain("--profile redis");
  });
});

describe("what it starts", () => {
  let care: ProcessCare;

  beforeAll(() => {
    care = new ProcessCare({ handleSignals: false });
  });

  afterAll(() => care.close());

  it("a Redis that a node accepts at the level that it is told, with the very flags of the file", async () => {
    // Started with less, so that what makes it enough is what the file says.
    const provisioned = await provisionRedis({
      care,
      sources: { ...serverSourcesOf(process.env), redisUrl: undefined },
      durability: "process",
      extraSettings: settingsOf(flagsOf("redis").slice(1)),
    });
    if (!provisioned.ok) throw new Error(provisioned.refusal.message);
    const own = ["--redis", provisioned.server.url, "--namespace", `test-${systemRandomHex(4)}`, "--drain-ms", "0"];
    const node = await NodeProcess.start(care, [...flagsOf("hub-redis"), ...own]);
    const { body } = await node.call("GET", "/api/describe");
    expect(body).toMatchObject({ durability: { verified: "fsync" } });
    // Behind the load balancer agents are told its address, not the node's.
    const registered = await node.call("POST", "/api/onboard/register", { body: { agent_id: "ada" } });
    expect(registered.body).toMatchObject({ hub_ws_url: "ws://127.0.0.1:4000/ws" });
    await node.process.stop();
    await provisioned.server.stop();
  });

  it("a load balancer that notices a draining node before it is gone", () => {
    const drainMs = Number(flagsOf("hub-redis")[flagsOf("hub-redis").indexOf("--drain-ms") + 1]);
    const [, inter, fall] = /check inter (\d+)s fall (\d+)/.exec(text("deploy/haproxy.cfg")) ?? [];
    expect(Number(inter) * 1000 * (Number(fall) + 1)).toBeLessThan(drainMs);
    expect(text("deploy/haproxy.cfg")).toContain("option httpchk GET /health");
  });

  it("a load balancer that says for whom it asks, to nodes that believe it", () => {
    expect(text("deploy/haproxy.cfg")).toContain("option forwardfor");
    for (const name of ["hub-redis", "hub-nats"]) {
      expect(flagsOf(name)[flagsOf(name).indexOf("--trusted-proxy") + 1]).toBe("172.16.0.0/12,192.168.0.0/16");
    }
  });

  it("images that run as nobody in particular, whose programs exist", () => {
    const dockerfile = text("Dockerfile");
    const stages = [...dockerfile.matchAll(/^FROM (\S+) AS (\w+)$/gm)].map(([, from, name]) => [name, from]);
    expect(stages).toEqual([
      ["build", "${NODE_IMAGE}"],
      ["run", "${NODE_IMAGE}"],
      ["single", "run"],
      ["sharded", "run"],
    ]);
    expect(dockerfile.indexOf("USER node")).toBeGreaterThan(dockerfile.indexOf("AS run"));
    for (const [, program] of dockerfile.matchAll(/\/hub\/dist\/([\w-]+)\.js/g)) {
      const packageName = program === "main" ? "hub-single" : "hub-sharded";
      expect(text(`packages/${packageName}/package.json`)).toContain(`./dist/${program}.js`);
    }
  });
});

/** `--name value …` as lines of the configuration file. */
function settingsOf(words: readonly string[]): (readonly [string, string])[] {
  return words.flatMap((word, index) =>
    word.startsWith("--") ? [[word.slice(2), words[index + 1] === "" ? '""' : (words[index + 1] ?? "")] as const] : [],
  );
}
