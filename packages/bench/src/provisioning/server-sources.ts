/** Where the bench may take its servers from. Made from the environment by the program's composition root. */
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** In the order in which they are tried. */
export const SERVER_ORIGINS = ["url", "path", "debian", "docker"] as const;
export type ServerOrigin = (typeof SERVER_ORIGINS)[number];

export interface ServerSources {
  /** A server that runs already. It is used as it is: never reconfigured, never stopped. */
  redisUrl: string | undefined;
  natsUrl: string | undefined;
  /** Monitoring port of that NATS: without it its sync interval cannot be read. */
  natsMonitorUrl: string | undefined;
  /** Folders with programs, as in `PATH`. */
  path: string;
  /** Downloaded servers are kept here. */
  cacheFolder: string;
  images: { redis: string; nats: string };
  /** Leave some out to try the others. */
  origins: readonly ServerOrigin[];
}

export function serverSourcesOf(environment: Readonly<Record<string, string | undefined>>): ServerSources {
  return {
    redisUrl: environment["HUBSCALE_REDIS_URL"],
    natsUrl: environment["HUBSCALE_NATS_URL"],
    natsMonitorUrl: environment["HUBSCALE_NATS_MONITOR_URL"],
    // Debian's packages put servers into sbin, which is not on every user's PATH.
    path: [environment["PATH"], "/usr/local/sbin", "/usr/sbin"].filter(Boolean).join(delimiter),
    cacheFolder: join(environment["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "hubscale"),
    images: {
      redis: environment["HUBSCALE_REDIS_IMAGE"] ?? "redis:8",
      nats: environment["HUBSCALE_NATS_IMAGE"] ?? "nats:2.12",
    },
    origins: SERVER_ORIGINS,
  };
}
