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
    origins: originsOf(environment["HUBSCALE_SERVER_ORIGINS"]),
  };
}

/** Some of the origins, separated by commas, for a machine on which others are to be left alone; all of them by default. */
function originsOf(text: string | undefined): readonly ServerOrigin[] {
  if (text === undefined || text === "") return SERVER_ORIGINS;
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !SERVER_ORIGINS.some((origin) => origin === name));
  if (unknown !== undefined) {
    throw new Error(
      `HUBSCALE_SERVER_ORIGINS names '${unknown}'; give some of ${SERVER_ORIGINS.join(", ")}, separated by commas`,
    );
  }
  return SERVER_ORIGINS.filter((origin) => names.includes(origin));
}
