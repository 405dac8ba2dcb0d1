/** The flags that every hub program has for its edge. */
import { InputFileError, readInputText } from "./files/index.ts";
import { type HubEdgeOptions } from "./hub-edge-options.ts";
import type { RegistrationPolicy } from "./registration.ts";

/** For the `options` of `parseArgs`. */
export const EDGE_FLAGS = {
  registration: { type: "string", default: "open" },
  "registration-token-file": { type: "string" },
  "max-connections": { type: "string" },
  "drain-ms": { type: "string", default: "0" },
  "allow-link-local-endpoints": { type: "boolean", default: false },
} as const;

export interface EdgeFlags {
  registration: RegistrationPolicy["mode"];
  /** With `registration: "token"` only. */
  registrationTokenFile: string | undefined;
  /** Undefined: as many as the limit of open files leaves room for. */
  maxConnections: number | undefined;
  drainMs: number;
  allowLinkLocalEndpoints: boolean;
}

/** Throws with one line on the first flag that is wrong. */
export function edgeFlagsOf(values: {
  registration: string;
  "registration-token-file"?: string | undefined;
  "max-connections"?: string | undefined;
  "drain-ms": string;
  "allow-link-local-endpoints": boolean;
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
  };
}

/** Reads the token file, if there is one. Rejects with an `InputFileError` when it cannot be read or holds no good token. */
export async function edgeSecurityOf(
  flags: EdgeFlags,
): Promise<Required<Pick<HubEdgeOptions, "registration" | "maxConnections" | "allowLinkLocalEndpoints">>> {
  const { maxConnections, allowLinkLocalEndpoints } = flags;
  return { registration: policyOf(flags), maxConnections, allowLinkLocalEndpoints };
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

function policyOf({ registration, registrationTokenFile: file }: EdgeFlags): RegistrationPolicy {
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
