/** Asks one Ollama endpoint which models it has and which are loaded. */
import { get } from "node:http";
import { LIMITS } from "@hubscale/protocol";
import { isForbiddenAddress, safeLookup, withoutBrackets } from "./endpoint-address.ts";

export interface EndpointModels {
  models: string[];
  loadedModels: string[];
}

export interface ProbeOptions {
  /** Also link-local, multicast and cloud-metadata addresses: for a test network that has no others. */
  allowLinkLocal: boolean;
}

/** Rejects if the endpoint does not answer both questions within `PROBE_TIMEOUT_MS`, each; no connection is open any more then. Redirects are not followed. */
export async function probeEndpoint(host: string, port: number, options: ProbeOptions): Promise<EndpointModels> {
  const [tags, ps] = await Promise.allSettled([
    getJson({ host, port, path: "/api/tags", ...options }),
    getJson({ host, port, path: "/api/ps", ...options }),
  ]);
  // Both connections have ended by now.
  if (tags.status === "rejected") throw tags.reason;
  if (ps.status === "rejected") throw ps.reason;
  return { models: modelNames(tags.value), loadedModels: modelNames(ps.value) };
}

/** Endpoints that are asked at one time, each on two connections: an endpoint that is away holds them until the timeout. */
export const PROBES_AT_ONCE = 32;
export const PROBE_FILES = 2 * PROBES_AT_ONCE;

/** For one answer; a healthy endpoint takes milliseconds. */
const PROBE_TIMEOUT_MS = 5_000;

/** A list of models is a few kilobytes. */
const ANSWER_BYTES = 1_048_576;

function getJson({ host, port, path, allowLinkLocal }: Question): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (!allowLinkLocal && isForbiddenAddress(host)) {
      reject(new Error(`${host} is not polled: a link-local, multicast or metadata address`));
      return;
    }
    const request = get(
      {
        host: withoutBrackets(host),
        port,
        path,
        ...(allowLinkLocal ? {} : { lookup: safeLookup }),
        agent: false,
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES) request.destroy(new Error(`${path} answered more than ${ANSWER_BYTES} bytes`));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode !== 200) return reject(new Error(`${path} answered ${response.statusCode}`));
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")));
          } catch (error) {
            reject(error as Error);
          }
        });
      },
    );
    request.on("error", reject);
  });
}

interface Question extends ProbeOptions {
  host: string;
  port: number;
  path: string;
}

/** `{models: [{name}]}`, as both routes answer. A name becomes part of a task's record: an overlong one is left out. */
function modelNames(answer: unknown): string[] {
  const models = (answer as { models?: unknown } | null)?.models;
  if (!Array.isArray(models)) throw new Error("the answer has no list of models");
  return models.flatMap((model: unknown) => {
    const name = (model as { name?: unknown } | null)?.name;
    return typeof name === "string" && name.length <= LIMITS.nameChars ? [name] : [];
  });
}
