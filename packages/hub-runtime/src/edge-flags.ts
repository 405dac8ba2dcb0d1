/** The flags that every hub program has for its edge. */
import ipaddr from "ipaddr.js";
import { InputFileError, readInputText } from "./files/index.ts";
import type { RegistrationPolicy } from "./registration.ts";

/** For the `options` of `parseArgs`. */
export const EDGE_FLAGS = {
  registration: { type: "string", default: "open" },
  "registration-token-file": { type: "string" },
  "max-connections": { type: "string" },
  "drain-ms": { type: "string", default: "0" },
  "allow-link-local-endpoints": { type: "boolean", default: false },
  "public-url": { type: "string" },
  "allowed-host": { type: "string", default: "" },
  "allowed-origin": { type: "string", default: "" },
  "trusted-proxy": { type: "string", default: "" },
} as const;

export interface EdgeFlags {
  registration: RegistrationPolicy["mode"];
  /** With `registration: "token"` only. */
  registrationTokenFile: string | undefined;
  /** Undefined: as many as the limit of open files leaves room for. */
  maxConnections: number | undefined;
  drainMs: number;
  allowLinkLocalEndpoints: boolean;
  publicUrl: string | undefined;
  allowedHosts: string[];
  allowedOrigins: string[];
  trustedProxies: string[];
}

/** Throws with one line on the first flag that is wrong. */
export function edgeFlagsOf(values: {
  registration: string;
  "registration-token-file"?: string | undefined;
  "max-connections"?: string | undefined;
  "drain-ms": string;
  "allow-link-local-endpoints": boolean;
  "public-url"?: string | undefined;
  "allowed-host": string;
  "allowed-origin": string;
  "trusted-proxy": string;
}): EdgeFlags {
  const { registration, "registration-token-file": registrationTokenFile } = values;
  const maxConnections = connectionsOf(values["max-connections"]);
  if (registration !== "open" && registration !== "token" && registration !== "closed") {
    throw new Error(`--registration must be open, token or closed, not "${registration}"`);
  }
  if (registration === "token" && registrationTokenFile === undefined) {
    throw new Error("--registration token needs --registration-token-file FILE, which holds the token");
  }
  if (registration !== "token" && registrationTokenFile !== undefined) {
    throw new Error(`--registration-token-file goes with --registration token, not with ${registration}`);
  }
  const drainMs = Number(values["drain-ms"]);
  if (!Number.isInteger(drainMs) || drainMs < 0 || drainMs > DRAIN_MS_MAX) {
    throw new Error(`--drain-ms must be a whole number from 0 to ${DRAIN_MS_MAX}, not "${values["drain-ms"]}"`);
  }
  return {
    registration,
    registrationTokenFile,
    maxConnections,
    drainMs,
    allowLinkLocalEndpoints: values["allow-link-local-endpoints"],
    publicUrl: publicUrlOf(values["public-url"]),
    allowedHosts: listed("--allowed-host", values["allowed-host"], hostNameOf, "a host name, like hub.example"),
    allowedOrigins: listed("--allowed-origin", values["allowed-origin"], originOf, "an origin, like https://board.example"),
    trustedProxies: listed("--trusted-proxy", values["trusted-proxy"], networkOf, "an address or a network, like 10.0.0.0/8"),
  };
}

/** Separated by commas; an empty text has none. */
function listed(flag: string, text: string, parse: (item: string) => string | undefined, form: string): string[] {
  const items = text === "" ? [] : text.split(",").map((item) => item.trim());
  return items.map((item) => {
    const parsed = parse(item);
    if (parsed === undefined) throw new Error(`${flag} must be ${form}, or several separated by commas, not "${item}"`);
    return parsed;
  });
}

function publicUrlOf(text: string | undefined): string | undefined {
  if (text === undefined || (/^https?:\/\//.test(text) && URL.canParse(text))) return text;
  throw new Error(`--public-url must be http://host:port as clients reach the hub, not "${text}"`);
}

function hostNameOf(text: string): string | undefined {
  return /^[\w.-]+$/.test(text) && URL.canParse(`http://${text}`) ? new URL(`http://${text}`).hostname : undefined;
}

function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && url.origin === text.toLowerCase().replace(/\/$/, "") ? url.origin : undefined;
}

function networkOf(text: string): string | undefined {
  return ipaddr.isValid(text) || ipaddr.isValidCIDR(text) ? text : undefined;
}

function connectionsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const connections = Number(text);
  if (Number.isInteger(connections) && connections >= 1 && connections <= CONNECTIONS_MAX) return connections;
  throw new Error(`--max-connections must be a whole number from 1 to ${CONNECTIONS_MAX}, not "${text}"`);
}

/** A supervisor that has said SIGTERM waits for minutes at most. */
const DRAIN_MS_MAX = 600_000;

/** The highest limit of open files that systems commonly allow. */
const CONNECTIONS_MAX = 1_048_576;

/** 32 hex digits are 128 bits. Shorter ones are passwords, which can be guessed. */
const TOKEN_CHARS_MIN = 32;

/** Reads the token file, if there is one. Throws an `InputFileError` when it cannot be read or holds no good token. */
export function registrationPolicyOf({ registration, registrationTokenFile: file }: EdgeFlags): RegistrationPolicy {
  if (registration !== "token" || file === undefined) return { mode: registration === "closed" ? "closed" : "open" };
  const read = readInputText(file);
  const token = read.ok ? read.text.trim() : "";
  if (/^[\x21-\x7e]+$/.test(token) && token.length >= TOKEN_CHARS_MIN) return { mode: "token", token };
  const unread = read.ok ? "" : `cannot be read (${read.problem}): it `;
  throw new InputFileError(
    `--registration-token-file ${file} ${unread}must hold one token of at least ${TOKEN_CHARS_MIN} characters without spaces; ` +
      "`openssl rand -hex 32` makes one",
  );
}
