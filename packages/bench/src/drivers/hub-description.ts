/** What a running hub says of itself, together with its servers. */
import type { BackplaneDescription, DurabilityLevel } from "@hubscale/hub-runtime";
import type { ProvisionedServer } from "../provisioning/index.ts";
import type { HubDescription } from "./running-hub.ts";

const ANSWER_WITHIN_MS = 10_000;

export interface DescribeOptions {
  id: string;
  http: readonly string[];
  servers: readonly ProvisionedServer[];
  required: DurabilityLevel;
  /** What is not known of a hub of this kind, whatever it says. */
  unknown?: readonly string[];
}

export async function describeHub({ id, http, servers, required, unknown = [] }: DescribeOptions): Promise<HubDescription> {
  const nodes: BackplaneDescription[] = [];
  const missing = [...unknown];
  for (const url of http) {
    const node = await describeNode(url);
    if (typeof node === "string") missing.push(node);
    else nodes.push(node);
  }
  return {
    hub: id,
    durability: { required, ...weakest(nodes.length === http.length ? [...nodes, ...servers] : []) },
    nodes,
    servers: servers.map(({ kind, version, origin, durability, settings, configText }) => ({
      kind,
      version,
      origin,
      durability,
      settings,
      configText,
    })),
    unknown: missing,
  };
}

/** The description, or in words why there is none. */
async function describeNode(url: string): Promise<BackplaneDescription | string> {
  const address = `${url}/api/describe`;
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (!answer.ok) return `${address} answers ${answer.status}`;
    const description = (await answer.json()) as BackplaneDescription;
    return description.durability === undefined ? `${address} says nothing about durability` : description;
  } catch (error) {
    return `${address}: ${(error as Error).message}`;
  }
}

type Said = { durability: { verified: DurabilityLevel | null; how: string } };

/** A hub keeps what the weakest of its stores keeps. */
export function weakest(stores: readonly Said[]): { verified: DurabilityLevel | null; how: string } {
  if (stores.length === 0) return { verified: null, how: "the hub does not say" };
  const levels = new Set(stores.map(({ durability }) => durability.verified));
  const how = [...new Set(stores.map(({ durability }) => durability.how))].join("; ");
  if (levels.has(null)) return { verified: null, how };
  return { verified: levels.has("process") ? "process" : "fsync", how };
}
