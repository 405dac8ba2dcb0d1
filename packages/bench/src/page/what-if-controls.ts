/**
 * What a reviewer may change, as data: each control reads its place in a fleet input and writes it into another. No DOM here, so that
 * links can be read and written, and tested, without a browser.
 */
import { CLAUDE_TIERS, type FleetInput, GPU_TYPES } from "@hubscale/fleet-model";
import { type Control, plain, range, withPresent } from "./control.ts";
import { ADDED_HOST, hostControls } from "./host-controls.ts";

/** Only what differs from the fleet as given: control id → value. */
export type Changes = ReadonlyMap<string, string>;

const SHARES = range(0, 20).map((step) => step * 5);
const MBIT = [1, 2, 5, 10, 20, 40, 50, 100, 200, 500, 1_000, 10_000];
const FSYNC_MS = [0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50];
const ROWS = [0, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const CORES = [0.25, 0.5, 1, 2, 4, 8];
const TASKS_PER_HOUR = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000];
const SLOWDOWN = [1.1, 1.25, 1.5, 2, 3, 5, 10];
const GROWTH = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1];
const PRICES = [0, 1, 5, 10, 20, 40, 60, 80, 100, 150, 200, 300, 500, 800, 1_200, 2_000, 5_000];
const LINE_PRICES = [0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
/** Of a value that was not measured, or was not set. */
export const AS_IS = "as-is";

/** The controls of a fleet, in the order of the page. */
export function controlsOf(input: FleetInput): Control[] {
  return [
    ...input.fleet.hosts.flatMap((host) => hostControls(host, input)),
    ...hostControls({ ...ADDED_HOST, site: input.fleet.sites[0]?.name ?? "" }, input, true),
    ...workControls(input),
    ...lineControls(input),
    ...hubControls(input),
    ...aimControls(input),
    ...priceControls(input),
  ];
}

/** The fleet with the changes made; what a link names and the fleet does not have, or cannot be, is left out and told. */
export function withChanges(given: FleetInput, changes: Changes): { input: FleetInput; ignored: string[] } {
  const controls = new Map(controlsOf(given).map((control) => [control.id, control]));
  const ignored: string[] = [];
  let input = given;
  for (const [id, value] of changes) {
    const control = controls.get(id);
    if (!control || (control.kind === "choice" ? !control.values.includes(value) : !isNumber(value, control))) {
      ignored.push(`${id}=${value}`);
      continue;
    }
    input = control.write(input, value);
  }
  return { input, ignored };
}

/** `count-box=4&uplink-office=20` */
export function toLink(changes: Changes): string {
  return new URLSearchParams([...changes]).toString();
}

export function fromLink(hash: string): Map<string, string> {
  return new Map(new URLSearchParams(hash.replace(/^#/, "")));
}

interface NumberScale {
  id: string;
  group: string;
  label: string;
  values: readonly number[];
  text(value: string): string;
  /** Null: as it is. */
  of(input: FleetInput): number | null;
  to(input: FleetInput, value: number | null): FleetInput;
}

/** A slider over numbers; the present value is always one of its steps. `AS_IS` comes first where there may be none. */
function scale(input: FleetInput, parts: NumberScale & { orAsIs?: boolean }): Control {
  const { id, group, label, text, of, to, orAsIs = false } = parts;
  const present = of(input);
  const values = present === null ? parts.values.map(String) : withPresent(parts.values, present);
  return {
    kind: "scale",
    id,
    group,
    label,
    values: orAsIs ? [AS_IS, ...values] : values,
    text,
    read: (now) => String(of(now) ?? AS_IS),
    write: (now, value) => to(now, value === AS_IS ? null : Number(value)),
  };
}

function workControls(input: FleetInput): Control[] {
  const group = "Work";
  const sum = input.work.shares.trivial + input.work.shares.standard + input.work.shares.complex;
  return (["trivial", "standard", "complex"] as const).map((tier) =>
    scale(input, {
      id: tier,
      group,
      label: `${tier} tasks`,
      values: SHARES,
      text: (value) => `${figure(Number(value))} parts`,
      of: ({ work }) => rounded((100 * work.shares[tier]) / (work === input.work ? sum : 100)),
      to: (now, share) => {
        const shares = now.work === input.work ? hundredths(input) : now.work.shares;
        return { ...now, work: { ...now.work, shares: { ...shares, [tier]: share ?? 0 } } };
      },
    }),
  );
}

/** The shares as parts of 100, as the sliders count them. */
function hundredths({ work: { shares } }: FleetInput): FleetInput["work"]["shares"] {
  const sum = shares.trivial + shares.standard + shares.complex;
  const part = (share: number) => rounded((100 * share) / sum);
  return { trivial: part(shares.trivial), standard: part(shares.standard), complex: part(shares.complex) };
}

function lineControls(input: FleetInput): Control[] {
  const sites = input.fleet.sites.map((site) =>
    scale(input, {
      id: `uplink-${site.name}`,
      group: "Lines and API",
      label: `uplink of ${site.name}`,
      values: MBIT,
      text: (value) => `${figure(Number(value))} Mbit/s`,
      of: ({ fleet }) => fleet.sites.find(({ name }) => name === site.name)?.upMbitPerSec ?? site.upMbitPerSec,
      to: (now, mbit) => ({
        ...now,
        fleet: {
          ...now.fleet,
          sites: now.fleet.sites.map((each) =>
            each.name === site.name ? { ...each, upMbitPerSec: mbit ?? each.upMbitPerSec } : each,
          ),
        },
      }),
    }),
  );
  const tier: Control = {
    kind: "choice",
    id: "api-tier",
    group: "Lines and API",
    label: "API tier",
    values: Object.keys(CLAUDE_TIERS),
    text: plain,
    read: ({ fleet }) => fleet.api.tier,
    write: (now, name) => ({ ...now, fleet: { ...now.fleet, api: { ...now.fleet.api, tier: name } } }),
  };
  return [...sites, tier];
}

function hubControls(input: FleetInput): Control[] {
  const group = "Hub";
  const hub: Control = {
    kind: "choice",
    id: "hub",
    group,
    label: "hub in use",
    values: input.hub.hubs.map(({ id }) => id),
    text: plain,
    read: ({ hubId }) => hubId,
    write: (now, hubId) => ({ ...now, hubId }),
  };
  return [
    hub,
    scale(input, {
      id: "fsync",
      group,
      label: "fsync of its disk",
      values: FSYNC_MS,
      orAsIs: true,
      text: (value) => (value === AS_IS ? "as measured" : `${figure(Number(value))} ms`),
      of: ({ fsyncMs }) => fsyncMs,
      to: (now, fsyncMs) => ({ ...now, fsyncMs }),
    }),
    scale(input, {
      id: "rows",
      group,
      label: "completed rows in its table",
      values: ROWS,
      text: (value) => Number(value).toLocaleString("en"),
      of: ({ completedRows }) => completedRows,
      to: (now, rows) => ({ ...now, completedRows: rows ?? 0 }),
    }),
    scale(input, {
      id: "hub-cores",
      group,
      label: "cores of each hub machine",
      values: CORES,
      text: plain,
      of: ({ hubCores }) => hubCores,
      to: (now, cores) => ({ ...now, hubCores: cores ?? now.hubCores }),
    }),
  ];
}

function aimControls(input: FleetInput): Control[] {
  const group = "Aims";
  return [
    scale(input, {
      id: "wanted",
      group,
      label: "tasks wanted",
      values: TASKS_PER_HOUR,
      orAsIs: true,
      text: (value) => (value === AS_IS ? "as many as agents do" : `${Number(value).toLocaleString("en")} an hour`),
      of: ({ slo }) => slo.tasksPerHour,
      to: (now, tasksPerHour) => ({ ...now, slo: { ...now.slo, tasksPerHour } }),
    }),
    scale(input, {
      id: "slowdown",
      group,
      label: "a task may take, over an idle fleet",
      values: SLOWDOWN,
      text: (value) => `×${value}`,
      of: ({ slo }) => slo.maxSlowdown,
      to: (now, most) => ({ ...now, slo: { ...now.slo, maxSlowdown: most ?? now.slo.maxSlowdown } }),
    }),
    scale(input, {
      id: "growth",
      group,
      label: "growth of the load",
      values: GROWTH,
      text: (value) => `${Math.round(100 * Number(value))} % a month`,
      of: ({ slo }) => slo.growthPerMonth,
      to: (now, growth) => ({ ...now, slo: { ...now.slo, growthPerMonth: growth ?? 0 } }),
    }),
  ];
}

function priceControls(input: FleetInput): Control[] {
  const { currency } = input.prices;
  const types = new Set([...input.fleet.hosts, ADDED_HOST].flatMap(({ gpu }) => (gpu ? [gpu.type] : [])));
  const price = (parts: {
    id: string;
    label: string;
    per: string;
    values?: readonly number[];
    of(prices: Prices): Prices["machine"];
    to(prices: Prices, price: Prices["machine"]): Prices;
  }) =>
    scale(input, {
      id: `price-${parts.id}`,
      group: "Prices",
      label: parts.label,
      values: parts.values ?? PRICES,
      text: (value) => (value === AS_IS ? "no price" : `${figure(Number(value))} ${currency} ${parts.per}`),
      of: ({ prices }) => parts.of(prices)?.perMonth ?? null,
      to: (now, perMonth) => ({
        ...now,
        prices: parts.to(now.prices, perMonth === null ? null : { perMonth, source: "set on this page" }),
      }),
    });
  return [
    price({
      id: "machine",
      label: "machine without its GPU",
      per: "a month",
      of: ({ machine }) => machine,
      to: (all, machine) => ({ ...all, machine }),
    }),
    ...[...types].map((type) =>
      price({
        id: type,
        label: GPU_TYPES.find(({ id }) => id === type)?.label ?? type,
        per: "a month",
        of: ({ gpus }) => gpus[type] ?? null,
        to: (all, card) => (card ? { ...all, gpus: { ...all.gpus, [type]: card } } : all),
      }),
    ),
    price({
      id: "hub-node",
      label: "hub node or backbone server",
      per: "a month",
      of: ({ hubNode }) => hubNode,
      to: (all, hubNode) => ({ ...all, hubNode }),
    }),
    price({
      id: "uplink",
      label: "1 Mbit/s of uplink",
      per: "a month",
      values: LINE_PRICES,
      of: ({ uplinkMbit }) => uplinkMbit,
      to: (all, uplinkMbit) => ({ ...all, uplinkMbit }),
    }),
  ];
}

type Prices = FleetInput["prices"];

function isNumber(value: string, { values }: Control): boolean {
  if (value === AS_IS) return values.includes(AS_IS);
  const numbers = values.filter((each) => each !== AS_IS).map(Number);
  return value !== "" && Number(value) >= (numbers[0] ?? 0) && Number(value) <= (numbers.at(-1) ?? 0);
}

const figure = (value: number) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
const rounded = (value: number) => Math.round(value * 10) / 10;
