/** What a team could change, each as another input: what is worth how much is the difference of two solutions. */
import { CLAUDE_TIERS } from "../claude-tiers.ts";
import type { FleetInput } from "./fleet-decision.ts";
import type { HostKind, SiteShape } from "./fleet-shape.ts";
import type { HubMeasure } from "./hub-evidence.ts";
import type { PriceList } from "./price-list.ts";

export interface Change {
  id: string;
  change: string;
  input: FleetInput;
  /** Null: no price is known. */
  costPerMonth: number | null;
  note: string;
}

/** A machine without a GPU, where the fleet has none to go by. */
const PLAIN_MACHINE = { cores: 16, ramGb: 64, agents: 4 };
const UPLINK_STEP_MBIT = 10;

export function changesOf(input: FleetInput): Change[] {
  return [...machineChanges(input), ...agentChanges(input), ...lineChanges(input), ...apiChanges(input), ...hubChanges(input)];
}

function machineChanges(input: FleetInput): Change[] {
  const { fleet, prices } = input;
  const site = fleet.sites[0]?.name ?? "";
  const plain = fleet.hosts.find(({ gpu }) => gpu === null) ?? { name: "plain", site, count: 0, ...PLAIN_MACHINE, gpu: null };
  const kinds = [plain, ...fleet.hosts.filter(({ gpu }) => gpu !== null)];
  return kinds.map((kind) => ({
    id: kind.gpu ? `machine-${kind.name}` : "machine-without-gpu",
    change: kind.gpu
      ? `+1 machine with ${kind.gpu.cards > 1 ? `${kind.gpu.cards} ` : ""}${kind.gpu.type} and ${agents(kind.agents)}`
      : `+1 machine without GPU and ${agents(kind.agents)}`,
    input: withHosts(input, [...fleet.hosts.filter(({ name }) => name !== kind.name), { ...kind, count: kind.count + 1 }]),
    costPerMonth: machineCost(kind, prices),
    note: "",
  }));
}

const agents = (count: number) => (count === 1 ? "1 agent" : `${count} agents`);

export function machineCost({ gpu }: HostKind, prices: PriceList): number | null {
  const machine = prices.machine?.perMonth ?? null;
  if (!gpu) return machine;
  const card = prices.gpus[gpu.type]?.perMonth;
  return machine === null || card === undefined ? null : machine + gpu.cards * card;
}

function agentChanges(input: FleetInput): Change[] {
  const { fleet } = input;
  return fleet.hosts
    .filter(({ count }) => count > 0)
    .map((kind) => ({
      id: `agent-${kind.name}`,
      change: `+1 agent on ${kind.count > 1 ? "a" : "the"} ${kind.name}`,
      input: withHosts(input, [
        ...fleet.hosts.filter(({ name }) => name !== kind.name),
        ...(kind.count > 1 ? [{ ...kind, count: kind.count - 1 }] : []),
        { ...kind, name: kind.count > 1 ? `${kind.name} with one more` : kind.name, count: 1, agents: kind.agents + 1 },
      ]),
      costPerMonth: 0,
      note: "an agent is a process on a machine that is there; its API tokens are paid by the task",
    }));
}

function lineChanges(input: FleetInput): Change[] {
  const { fleet, prices } = input;
  return fleet.sites.map((site) => ({
    id: `uplink-${site.name}`,
    change: `+${UPLINK_STEP_MBIT} Mbit/s uplink at ${site.name}`,
    input: {
      ...input,
      fleet: {
        ...fleet,
        sites: fleet.sites.map((other) => (other === site ? wider(site) : other)),
      },
    },
    costPerMonth: prices.uplinkMbit ? UPLINK_STEP_MBIT * prices.uplinkMbit.perMonth : null,
    note: "",
  }));
}

const wider = (site: SiteShape): SiteShape => ({ ...site, upMbitPerSec: site.upMbitPerSec + UPLINK_STEP_MBIT });

/** The vendor's own order; a scheme's highest has no next. */
const NEXT_TIER: Readonly<Record<string, string>> = {
  "tier-1": "tier-2",
  "tier-2": "tier-3",
  "tier-3": "tier-4",
  start: "scale",
};

function apiChanges(input: FleetInput): Change[] {
  const next = NEXT_TIER[input.fleet.api.tier];
  if (next === undefined || !CLAUDE_TIERS[next]) return [];
  return [
    {
      id: "api-tier",
      change: `API ${input.fleet.api.tier} → ${next}`,
      input: { ...input, fleet: { ...input.fleet, api: { ...input.fleet.api, tier: next } } },
      costPerMonth: input.prices.apiTier?.perMonth ?? null,
      note: "",
    },
  ];
}

function hubChanges(input: FleetInput): Change[] {
  const { hub: evidence, hubId, prices } = input;
  const current = evidence.hubs.find(({ id }) => id === hubId);
  if (!current) return [];
  const changes: Change[] = [];
  const other = (hub: HubMeasure, id: string, change: string, note: string) =>
    changes.push({ id, change, input: { ...input, hubId: hub.id }, costPerMonth: hubCost(hub, current, prices), note });
  const repaired = bestSingle(evidence.hubs);
  if (current.kind === "single") {
    for (const { fix, gain } of evidence.fixes) {
      if (current.id !== "single-reference") break;
      const fixed = gainedHub(current, fix, gain);
      changes.push({
        id: `fix-${fix}`,
        change: `fix ${fix} of the single hub`,
        input: { ...input, hub: { ...evidence, hubs: [...evidence.hubs, fixed] }, hubId: fixed.id },
        costPerMonth: 0,
        note: "gain from a measured ladder",
      });
    }
    if (repaired && repaired.id !== current.id)
      other(repaired, "fix-all", `repair the single hub (${repaired.id})`, "no new machine");
  }
  const larger = evidence.hubs
    .filter((hub) => hub.kind === "sharded" && (current.kind === "single" || hub.nodes > current.nodes))
    .toSorted((a, b) => a.nodes - b.nodes)[0];
  if (larger)
    other(larger, "hub-node", `+hub nodes: ${larger.id}`, `${larger.nodes + larger.backboneServers} machines for the hub`);
  return changes;
}

function gainedHub(
  hub: HubMeasure,
  fix: string,
  { value, low, high }: { value: number; low: number; high: number },
): HubMeasure {
  const capacity = hub.capacityTasksPerSec;
  return {
    ...hub,
    id: `${hub.id}+${fix}`,
    capacityTasksPerSec: {
      ...capacity,
      value: capacity.value * value,
      low: capacity.value * low,
      high: capacity.value * high,
    },
  };
}

export function bestSingle(hubs: readonly HubMeasure[]): HubMeasure | undefined {
  return hubs.filter(({ kind }) => kind === "single").toSorted((a, b) => perCore(b) - perCore(a))[0];
}

const perCore = (hub: HubMeasure) => hub.capacityTasksPerSec.value / hub.coresPerMachine;

function hubCost(hub: HubMeasure, current: HubMeasure, prices: PriceList): number | null {
  const machines = ({ nodes, backboneServers }: HubMeasure) => nodes + backboneServers;
  const added = machines(hub) - machines(current);
  if (added <= 0) return 0;
  return prices.hubNode ? added * prices.hubNode.perMonth : null;
}

function withHosts(input: FleetInput, hosts: HostKind[]): FleetInput {
  return { ...input, fleet: { ...input.fleet, hosts } };
}
