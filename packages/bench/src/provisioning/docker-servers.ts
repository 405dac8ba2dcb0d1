/** Redis and NATS from images, for systems that have neither programs nor packages of them but do have Docker. */
import { existsSync } from "node:fs";
import type { StartedTestContainer } from "testcontainers";
import type { ProcessCare } from "../machine/index.ts";

export interface ContainerSpec {
  image: string;
  /** Ports inside of the container; the first is the server's own. */
  ports: readonly [number, ...number[]];
  command: readonly string[];
  /** What the server logs when it can be used. Asking the port from inside needs a shell, which not every image has. */
  readyLog: RegExp;
  files: readonly { target: string; content: string }[];
  care: ProcessCare;
}

export interface StartedContainer {
  /** The port on 127.0.0.1 for one of the container. */
  hostPort(containerPort: number): number;
  /** Only where containers share the kernel with us. */
  pid: number | null;
  stop(): Promise<void>;
}

/** A container that listens on 127.0.0.1 only, removed with the program at the latest. A refusal is a reason. */
export async function startContainer(spec: ContainerSpec): Promise<StartedContainer | { reason: string }> {
  try {
    // Loaded only when everything else has failed: it is large, and may have been left out of the installation.
    const testcontainers = await import("testcontainers");
    class LoopbackContainer extends testcontainers.GenericContainer {
      /** Docker's default is to publish on every address of the machine. */
      protected override beforeContainerCreated(): Promise<void> {
        const local = [{ HostIp: "127.0.0.1", HostPort: "" }];
        this.hostConfig.PortBindings = Object.fromEntries(spec.ports.map((port) => [`${port}/tcp`, local]));
        return Promise.resolve();
      }
    }
    const container = await new LoopbackContainer(spec.image)
      .withExposedPorts(...spec.ports)
      .withCommand([...spec.command])
      .withCopyContentToContainer([...spec.files])
      .withWaitStrategy(testcontainers.Wait.forLogMessage(spec.readyLog))
      .start();
    let stopped: Promise<unknown> | undefined;
    const stop = async () => {
      stopped ??= container.stop({ removeVolumes: true });
      await stopped;
    };
    spec.care.atEnd(stop);
    const runtime = await testcontainers.getContainerRuntimeClient();
    return { hostPort: (port) => container.getMappedPort(port), pid: await pidOf(runtime, container), stop };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

type Runtime = Awaited<ReturnType<typeof import("testcontainers").getContainerRuntimeClient>>;

async function pidOf(runtime: Runtime, container: StartedTestContainer): Promise<number | null> {
  const { State } = await runtime.container.getById(container.getId()).inspect();
  return existsSync(`/proc/${State.Pid}/stat`) ? State.Pid : null;
}
