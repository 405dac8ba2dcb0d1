/** How many connections a hub takes: what the system's limit of open files leaves beside what the hub needs for itself. */
import { PROBE_FILES } from "./endpoint-probe.ts";

/** WebSocket connections, and HTTP connections beside them, at one time. */
export interface ConnectionLimits {
  webSockets: number;
  http: number;
}

/** Undefined where the system does not say. */
export interface OpenFiles {
  limit: number | undefined;
  /** Open before the first client comes: the store, the links to an engine, Node's own. */
  open: number | undefined;
}

/**
 * The limits for a hub with this many files; `wanted`: `--max-connections`, undefined where nobody named a number. Throws in words
 * when the number that was named does not fit, or when there is no room for a hub at all: a hub that takes more clients than it
 * can have files fails at its store.
 */
export function connectionLimits(wanted: number | undefined, { limit, open }: OpenFiles): ConnectionLimits {
  const most = wanted ?? MAX_WEB_SOCKETS;
  if (limit === undefined || open === undefined) return { webSockets: most, http: MAX_HTTP };
  const room = limit - open - RESERVED_FILES;
  const http = Math.min(MAX_HTTP, Math.floor(room / HTTP_PART));
  const files = `the system allows ${limit} open files (ulimit -n), of which ${open} are open and ${RESERVED_FILES} are kept for the store and the hub's own connections`;
  if (http < 1)
    throw new Error(`${files}: no room for clients; raise the limit to ${open + RESERVED_FILES + MIN_ROOM} or more`);
  if (wanted !== undefined && wanted > room - http) {
    const httpBeside = Math.max(1, Math.min(MAX_HTTP, Math.floor((wanted - 1) / (HTTP_PART - 1))));
    const needed = open + RESERVED_FILES + Math.max(MIN_ROOM, wanted + httpBeside);
    throw new Error(
      `--max-connections ${wanted} does not fit: ${files}; name ${room - http} at most, or raise the limit to ${needed} or more`,
    );
  }
  const webSockets = Math.min(most, room - http);
  return { webSockets, http: Math.min(MAX_HTTP, room - webSockets) };
}

/** For the log. */
export function limitsInWords({ webSockets, http }: ConnectionLimits, { limit, open }: OpenFiles): string {
  const taken = `takes ${webSockets} WebSocket connections and ${http} HTTP connections beside them at a time`;
  if (limit === undefined || open === undefined) return taken;
  return `${taken}: ${limit} open files are allowed (ulimit -n), ${open} are open, ${RESERVED_FILES} are kept for the store and the hub's own connections`;
}

/** Without a number of the operator's: what fits under the limit of 20,000 open files that is usual in containers. */
const MAX_WEB_SOCKETS = 18_000;

/** HTTP connections beside those of the agents: submitters, people, load balancers. */
const MAX_HTTP = 1_000;

/** Under a small limit HTTP has this part of the room: submitters and people keep a way in when agents fill the rest. */
const HTTP_PART = 4;

/** A hub with one HTTP connection and three agents is the smallest. */
const MIN_ROOM = HTTP_PART;

/** The store's next log, tables and manifest while it compacts, its mark, and links to an engine that are made anew while old ones end. */
const STORE_AND_LINK_FILES = 48;

/** Clients beyond the limits that are being told so. */
export const REFUSED_AT_ONCE = 16;

/** Kept free when all connections are taken. */
const RESERVED_FILES = STORE_AND_LINK_FILES + PROBE_FILES + REFUSED_AT_ONCE;
