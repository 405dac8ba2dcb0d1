/**
 * Keeps pages of other sites out, which a browser lets reach a hub that only this machine can reach: by their `Origin`, and by
 * the name under which they were served where that is made to lead here (DNS rebinding). Programs send no `Origin`.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { withoutBrackets } from "./endpoint-address.ts";

export interface CallerRules {
  /** Where the hub listens. */
  host?: string;
  /** `http://…` as clients reach the hub, where that is not its own address. */
  publicUrl?: string | undefined;
  /** Names beside those of loopback and of `publicUrl`, in lower case. */
  allowedHosts?: readonly string[];
  /** `https://…` of sites whose pages may use the hub. */
  allowedOrigins?: readonly string[];
}

/** For a 403. */
export interface CallerRefusal {
  error: "host_not_allowed" | "origin_not_allowed";
  hint: string;
}

export class CallerCheck {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  /** The last `Host` that was let in: most requests have the same, and to read it costs as much as a small route. */
  #lastKnown: string | undefined;

  constructor({ host, publicUrl, allowedHosts = [], allowedOrigins = [] }: CallerRules) {
    const url = publicUrl === undefined ? undefined : new URL(publicUrl);
    this.#hosts = new Set([
      ...allowedHosts,
      ...(host === undefined ? [] : [host.toLowerCase()]),
      ...(url ? [url.hostname] : []),
    ]);
    this.#origins = new Set([...allowedOrigins, ...(url ? [url.origin] : [])]);
  }

  /** Undefined: go on. An address in `Host` is taken as it is: rebinding needs a name. */
  refusalOf({ host, origin }: IncomingHttpHeaders): CallerRefusal | undefined {
    if (host !== undefined && !this.#isKnown(host)) {
      return { error: "host_not_allowed", hint: "use an address or localhost, or start the hub with --allowed-host NAME" };
    }
    if (origin === undefined || this.#origins.has(origin) || isOwn(origin, host)) return undefined;
    return { error: "origin_not_allowed", hint: "start the hub with --allowed-origin URL to let pages of another site in" };
  }

  /** The same for the way to a WebSocket, on which a browser always names the page's `Origin`: without one there is no page to keep out. */
  socketRefusalOf(headers: IncomingHttpHeaders): CallerRefusal | undefined {
    return headers.origin === undefined ? undefined : this.refusalOf(headers);
  }

  #isKnown(host: string): boolean {
    if (host === this.#lastKnown) return true;
    if (!this.#isAllowed(host)) return false;
    this.#lastKnown = host;
    return true;
  }

  #isAllowed(host: string): boolean {
    if (!URL.canParse(`http://${host}`)) return false;
    const { hostname } = new URL(`http://${host}`);
    const name = hostname.replace(/\.$/, "");
    return isIP(withoutBrackets(name)) !== 0 || name === "localhost" || name.endsWith(".localhost") || this.#hosts.has(name);
  }
}

/** A page that this address has served. */
function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}
