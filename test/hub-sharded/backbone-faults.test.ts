/** Harm to the backbone where it is a process of this machine. Where test/containers does the same to containers, that is enough. */
import { FaultProxy, PausedProcesses, RestartableServer } from "hubscale/faults";
import { provisionNats, provisionRedis, serverSourcesOf } from "hubscale/provisioning";
import { describe } from "vitest";
import { DOCKER_TESTS } from "../containers/docker-tests.ts";
import { backboneFaultCases, LEASE_MS } from "./backbone-faults.ts";
import { ShardedHub } from "./sharded-hub.ts";

describe.skipIf(DOCKER_TESTS === "required")("without containers,", () => {
  backboneFaultCases("a process", async (engine, care) => {
    const sources = serverSourcesOf(process.env);
    const provision = engine === "redis" ? provisionRedis : provisionNats;
    const server = await RestartableServer.start(care, (place) => provision({ care, sources, durability: "fsync", ...place }));
    const wire = await FaultProxy.listen({ host: "127.0.0.1", port: server.port });
    const hub = await ShardedHub.start({
      care,
      nodes: 2,
      flags: ["--backbone", engine, "--lease-ms", String(LEASE_MS), `--${engine}`, `${engine}://127.0.0.1:${wire.port}`],
      flagsOf: () => (engine === "nats" ? ["--nats-monitor", server.monitorUrl] : []),
    });
    let asleep: PausedProcesses | undefined;
    const done = Promise.resolve();
    return {
      door: hub.door,
      backbone: {
        kill: () => server.kill(),
        restart: () => server.restart(),
        pause: () => {
          asleep = PausedProcesses.of([server.pid]);
          return done;
        },
        resume: () => {
          asleep?.resume();
          return done;
        },
        cutOff: () => {
          wire.partition();
          return done;
        },
        rejoin: () => {
          wire.heal();
          return done;
        },
      },
      stop: async () => {
        await hub.stop();
        await wire.close();
      },
    };
  });
});
