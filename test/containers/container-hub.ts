/** Nodes of the hub's own image and their backbone, each a container, in a network of their own. */
import { fileURLToPath } from "node:url";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { FrontDoor } from "hubscale/faults";
import { GenericContainer, getContainerRuntimeClient, Network, type StartedTestContainer, Wait } from "testcontainers";
import { type Engine, type HarmableBackbone, type HubOverBackbone, LEASE_MS } from "../hub-sharded/backbone-faults.ts";
import { until } from "../hub-sharded/desk-node.ts";
import type { ImageNames } from "./images.ts";

const NODES = ["n1", "n2"];
const HUB_PORT = 4000;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Built from this source with the project's Dockerfile, unless HUBSCALE_HUB_IMAGE names one. */
export async function hubImage({ node }: ImageNames): Promise<string> {
  const given = process.env["HUBSCALE_HUB_IMAGE"];
  if (given !== undefined) return given;
  const name = "hubscale-hub:tested";
  await GenericContainer.fromDockerfile(root)
    .withTarget("sharded")
    .withBuildArgs({ NODE_IMAGE: node })
    .build(name, { deleteOnExit: true });
  return name;
}

/** Docker's default is to publish on every address of the machine. */
class LoopbackContainer extends GenericContainer {
  protected override beforeContainerCreated(): Promise<void> {
    this.hostConfig.PortBindings = { [`${HUB_PORT}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: "" }] };
    return Promise.resolve();
  }
}

export async function startContainerHub(engine: Engine, images: ImageNames & { hub: string }): Promise<HubOverBackbone> {
  const network = await new Network().start();
  const started: StartedTestContainer[] = [];
  const stop = async () => {
    await Promise.all(started.map((container) => container.stop({ remove: true, removeVolumes: true, timeout: 0 })));
    await network.stop();
  };
  const keep = async (container: Promise<StartedTestContainer>) => {
    started.push(await container);
    return container;
  };
  try {
    const server = await keep((engine === "redis" ? redis(images.redis) : nats(images.nats)).withNetwork(network).start());
    const flags = ["--namespace", `test-${systemRandomHex(4)}`, "--lease-ms", String(LEASE_MS), "--drain-ms", "0"];
    const nodes = NODES.map((name) =>
      keep(
        new LoopbackContainer(images.hub)
          .withNetwork(network)
          .withExposedPorts(HUB_PORT)
          .withCommand([...flags, "--node", name, "--rate-limits", "off", "--durability", "fsync", ...FLAGS[engine]])
          // The image's own health check.
          .withWaitStrategy(Wait.forHealthCheck())
          .start(),
      ),
    );
    // All of them, so that none is left behind when one fails.
    const failed = (await Promise.allSettled(nodes)).find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
    const urls = started.slice(1).map((node) => `http://127.0.0.1:${node.getMappedPort(HUB_PORT)}`);
    const door = await FrontDoor.open(urls);
    await until("the nodes at the front door", () => door.healthy.length === NODES.length);
    const backbone = await harmable(server, network.getId(), engine);
    const close = async () => {
      await door.close();
      await stop();
    };
    return { door, backbone, stop: close };
  } catch (error) {
    await stop();
    throw error;
  }
}

const FLAGS = {
  redis: ["--backbone", "redis", "--redis", "redis://redis:6379"],
  nats: ["--backbone", "nats", "--nats", "nats://nats:4222", "--nats-monitor", "http://nats:8222"],
};

function redis(image: string): GenericContainer {
  const settings = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];
  return new GenericContainer(image)
    .withNetworkAliases("redis")
    .withCommand(["redis-server", ...settings])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/));
}

function nats(image: string): GenericContainer {
  const target = "/etc/hubscale-nats.conf";
  const content = 'port: 4222\nhttp: 8222\njetstream { store_dir: "/data", sync_interval: always }\n';
  return new GenericContainer(image)
    .withNetworkAliases("nats")
    .withCopyContentToContainer([{ target, content }])
    .withCommand(["-c", target])
    .withWaitStrategy(Wait.forLogMessage(/Server is ready/));
}

/** What the engine of containers itself does to one of them. */
async function harmable(server: StartedTestContainer, networkId: string, alias: string): Promise<HarmableBackbone> {
  const runtime = await getContainerRuntimeClient();
  const container = runtime.container.getById(server.getId());
  const network = runtime.network.getById(networkId);
  const { State } = await container.inspect();
  if (!State.Running) throw new Error(`${alias} does not run`);
  return {
    kill: async () => void (await container.kill({ signal: "SIGKILL" })),
    restart: async () => void (await container.start()),
    pause: async () => void (await container.pause()),
    resume: async () => void (await container.unpause()),
    cutOff: async () => void (await network.disconnect({ Container: server.getId(), Force: true })),
    rejoin: async () => {
      await network.connect({ Container: server.getId(), EndpointConfig: { Aliases: [alias] } });
    },
  };
}
