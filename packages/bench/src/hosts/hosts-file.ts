/** hosts.yaml: on which machines the parts of a comparison run. */
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import { readInputText } from "@hubscale/hub-runtime/files";
import { type Static, Type } from "typebox";
import { schemaProblems } from "../results/schema-problems.ts";
import { readYaml } from "../workload/yaml-file.ts";

/** In the subjects of the control server, in the names of log files, on the command line. */
export const WORKER_NAME = /^[\w-]{1,32}$/;
/** Goes into configuration files and URLs as it is. */
const TOKEN = /^[\w.-]{16,256}$/;
export const DEFAULT_PORT = 4_900;
const DEFAULT_WAIT_S = 60;
/** Where a part runs that no worker is named for. */
const HERE = "coordinator";

const HOSTS = Type.Object(
  {
    coordinator: Type.Optional(
      Type.Object(
        {
          /** Where workers reach it, and a backbone that runs here. */
          address: Type.Optional(Type.String()),
          port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
          /** Relative to this file. */
          token_file: Type.Optional(Type.String({ minLength: 1 })),
        },
        { additionalProperties: false },
      ),
    ),
    /** Workers that the hub nodes are dealt to; a hub of one process runs on the first. */
    hub: Type.Array(Type.String(), { minItems: 1, maxItems: 64 }),
    /** Where the servers of a sharded hub run. */
    backbone: Type.Optional(Type.String()),
    /** Where the submitter and the agents run. */
    load: Type.Optional(Type.String()),
    /** How long to wait for the workers. */
    wait_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
  },
  { additionalProperties: false },
);

export interface Hosts {
  address: string;
  port: number;
  /** Null only on a loopback address. */
  secret: string | null;
  hub: readonly string[];
  /** The worker's name; null: on the coordinator's machine. */
  backbone: string | null;
  load: string | null;
  waitMs: number;
}

export type LoadedHosts = { ok: true; hosts: Hosts } | { ok: false; problems: string[] };

/** Names every wrong field with its line. */
export function loadHosts(path: string): LoadedHosts {
  const read = readYaml(path, { folder: "hosts", what: "hosts file" });
  if (!read.ok) return read;
  const { yaml } = read;
  const problems = schemaProblems(HOSTS, yaml.value, yaml.at);
  if (problems.length > 0) return { ok: false, problems };
  const file = yaml.value as Static<typeof HOSTS>;
  const { address = "127.0.0.1", port = DEFAULT_PORT, token_file: tokenFile } = file.coordinator ?? {};
  const told = (field: string[], problem: string) => problems.push(`${yaml.at(field)}: ${field.join(".")}: ${problem}`);
  if (isIP(address) !== 4 || address.startsWith("0.")) {
    told(["coordinator", "address"], `'${address}' is no IPv4 address of this machine, for instance 10.0.0.1`);
  }
  const token = tokenFile === undefined ? null : readToken(resolve(dirname(yaml.file), tokenFile));
  if (token === null && !isLoopback(address)) {
    told(["coordinator", "address"], `${address} is open to other machines, so token_file is needed; ${HOW_TO_TOKEN}`);
  }
  if (token !== null && !token.ok) told(["coordinator", "token_file"], token.problem);
  tellNames(file, told);
  if (problems.length > 0) return { ok: false, problems };
  const placeOf = (name: string | undefined) => (name === undefined || name === HERE ? null : name);
  const secret = token?.ok ? token.token : null;
  const places = { hub: file.hub, backbone: placeOf(file.backbone), load: placeOf(file.load) };
  return { ok: true, hosts: { address, port, secret, ...places, waitMs: (file.wait_s ?? DEFAULT_WAIT_S) * 1_000 } };
}

function tellNames(file: Static<typeof HOSTS>, told: (field: string[], problem: string) => void): void {
  const check = (field: string[], name: string) => {
    if (!WORKER_NAME.test(name)) told(field, `'${name}': a worker's name is 1 to 32 letters, digits, - and _`);
  };
  for (const [index, name] of file.hub.entries()) {
    check(["hub", String(index)], name);
    if (name === HERE) told(["hub", String(index)], "hub nodes run on workers; without --hosts they run here");
    if (file.hub.indexOf(name) < index) told(["hub", String(index)], `'${name}' is named twice`);
  }
  if (file.backbone !== undefined) check(["backbone"], file.backbone);
  if (file.load !== undefined) check(["load"], file.load);
}

/** All workers that are waited for, each once. */
export function workersIn({ hub, backbone, load }: Hosts): string[] {
  return [...new Set([...hub, ...[backbone, load].filter((name) => name !== null)])];
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "localhost";
}

export const HOW_TO_TOKEN = "make one with `openssl rand -hex 24 > token`, and copy it to each worker";

/** The secret that workers and coordinator share, out of a file of one line. */
export function readToken(path: string): { ok: true; token: string } | { ok: false; problem: string } {
  const read = readInputText(path, "the token file");
  if (!read.ok) return { ok: false, problem: `${read.problem}; ${HOW_TO_TOKEN}` };
  const token = read.text.trim();
  if (TOKEN.test(token)) return { ok: true, token };
  return { ok: false, problem: `${path} holds no token (16 to 256 letters, digits, ., - and _); ${HOW_TO_TOKEN}` };
}
