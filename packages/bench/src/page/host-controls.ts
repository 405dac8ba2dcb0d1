/** What may be changed about the machines of one kind. */
import { type FleetInput, GPU_TYPES, type HostKind, LLM_MODELS } from "@hubscale/fleet-model";
import { type Control, plain, range, withPresent } from "./control.ts";

/** Machines with a GPU that the fleet does not have yet; none of them unless somebody asks. */
export const ADDED_HOST: HostKind = {
  name: "new",
  site: "",
  count: 0,
  cores: 16,
  ramGb: 64,
  agents: 2,
  gpu: { type: "rtx4090", cards: 1, numParallel: 4, model: "qwen2.5-coder:7b", contextTokens: 16_384 },
};

const COUNTS = [...range(0, 20), 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1_000];
const AGENTS = [...range(0, 16), 20, 24, 32, 48, 64];
const PARALLEL = [1, 2, 3, 4, 6, 8, 16];

export function hostControls(host: HostKind, { fleet }: FleetInput, added = false): Control[] {
  const group = added ? "New machines with a GPU" : `Machines: ${host.name}${host.gpu ? "" : " (no GPU)"}`;
  const find = (input: FleetInput) => input.fleet.hosts.find(({ name }) => name === host.name) ?? host;
  const scale = (parts: HostScale): Control => ({
    kind: "scale",
    group,
    id: `${parts.id}-${host.name}`,
    label: parts.label,
    values: withPresent(parts.values, parts.of(host)),
    text: parts.text ?? plain,
    read: (input) => String(parts.of(find(input))),
    write: (input, value) => withHost(input, parts.to(find(input), Number(value))),
  });
  const choice = (
    id: string,
    label: string,
    values: readonly string[],
    names: ReadonlyMap<string, string>,
    field: "type" | "model",
  ): Control => ({
    kind: "choice",
    group,
    id: `${id}-${host.name}`,
    label,
    values,
    text: (value) => names.get(value) ?? value,
    read: (input) => find(input).gpu?.[field] ?? "",
    write: (input, value) => {
      const { gpu, ...rest } = find(input);
      return withHost(input, { ...rest, gpu: gpu && { ...gpu, [field]: value } });
    },
  });
  // A second kind of new machines would be one too many: the names tell the kinds apart.
  if (added && fleet.hosts.some(({ name }) => name === host.name)) return [];
  const all = [
    scale({
      id: "count",
      label: "machines",
      values: COUNTS,
      of: ({ count }) => count,
      to: (kind, count) => ({ ...kind, count }),
    }),
    scale({
      id: "agents",
      label: "agents on each",
      values: AGENTS,
      of: ({ agents }) => agents,
      to: (kind, agents) => ({ ...kind, agents }),
    }),
  ];
  if (!host.gpu) return all;
  return [
    ...all,
    choice(
      "gpu",
      "GPU",
      GPU_TYPES.map(({ id }) => id),
      new Map(GPU_TYPES.map(({ id, label }) => [id, label])),
      "type",
    ),
    choice(
      "model",
      "model",
      LLM_MODELS.map(({ name }) => name),
      new Map(),
      "model",
    ),
    scale({
      id: "parallel",
      label: "requests at once (NUM_PARALLEL)",
      values: PARALLEL,
      of: ({ gpu }) => gpu?.numParallel ?? 1,
      to: (kind, numParallel) => ({ ...kind, gpu: kind.gpu && { ...kind.gpu, numParallel } }),
    }),
  ];
}

interface HostScale {
  id: string;
  label: string;
  values: readonly number[];
  text?(value: string): string;
  of(host: HostKind): number;
  to(host: HostKind, value: number): HostKind;
}

/** A kind of which there is none is no part of the fleet. */
function withHost(input: FleetInput, host: HostKind): FleetInput {
  const { fleet } = input;
  const isKnown = fleet.hosts.some(({ name }) => name === host.name);
  const hosts = isKnown ? fleet.hosts.map((kind) => (kind.name === host.name ? host : kind)) : [...fleet.hosts, host];
  return { ...input, fleet: { ...fleet, hosts } };
}
