/** What to do, in one sentence, and when that would change. */
import { bestSingle } from "./changes.ts";
import type { Binding, FleetDecision, FleetInput, FleetNow, FleetVerdict, MarginalValue, Wall } from "./fleet-decision.ts";
import type { Estimate } from "./hub-evidence.ts";

interface Parts {
  input: FleetInput;
  now: FleetNow;
  bindsNow: Binding;
  bindsNext: Binding | null;
  marginal: readonly MarginalValue[];
  distributeAt: FleetVerdict["distributeAt"];
  walls: readonly Wall[];
}

/** A wall that is met by waiting, sooner than this, is a reason to act now. */
const SOON_DAYS = 90;

const metInTime = (walls: readonly Wall[]) =>
  walls.flatMap(({ name, days }) => (days === null ? [] : [{ name, days }])).toSorted((a, b) => a.days - b.days);

export function fleetVerdict(parts: Parts): FleetVerdict {
  const { input, now, bindsNow, distributeAt } = parts;
  const { slo } = input;
  const short = slo.tasksPerHour !== null && now.tasksPerHour.value < slo.tasksPerHour;
  const slow = now.slowdown.value > slo.maxSlowdown;
  const wanted = slo.tasksPerHour === null ? "" : ` of the ${whole(slo.tasksPerHour)} asked for`;
  const does = `the fleet does ${whole(now.tasksPerHour.value)} tasks/h${wanted}`;
  if (bindsNow.name === "hub") return hubVerdict(parts, does);
  if (!short && !slow) {
    const soon = metInTime(parts.walls).filter(({ days }) => days < SOON_DAYS);
    if (soon.length > 0 && bestSingle(input.hub.hubs)?.id !== input.hubId) {
      const when = soon.map(({ name, days }) => `${name} in ${whole(days)} days`).join(", ");
      return {
        action: "fix",
        sentence: `Fix the single hub, though it binds nothing today: at this load it meets ${when}; ${does}.`,
        distributeAt,
      };
    }
    const next = parts.bindsNext ? `; first to bind: ${parts.bindsNext.sentence}` : "";
    return { action: "nothing", sentence: `Do nothing to the hub: ${does}, the hub is not what binds${next}.`, distributeAt };
  }
  const why = short
    ? does
    : `tasks take ×${now.slowdown.value.toFixed(1)} their time on an idle fleet (at most ×${slo.maxSlowdown})`;
  const best = bestAddition(parts.marginal);
  if (!best) return { action: "nothing", sentence: `Nothing tried here helps: ${why}; ${bindsNow.sentence}.`, distributeAt };
  const action = best.id.startsWith("fix") ? "fix" : best.id === "hub-node" ? "distribute" : "add";
  const worth = `${signed(best.tasksPerHour)} tasks/h${best.costPerMonth === null ? "" : ` for ${whole(best.costPerMonth)} ${input.prices.currency} a month`}`;
  return { action, sentence: `${capital(best.change)} (${worth}): ${why}; ${bindsNow.sentence}.`, distributeAt };
}

function hubVerdict({ input, distributeAt, marginal, bindsNow }: Parts, does: string): FleetVerdict {
  const single = bestSingle(input.hub.hubs);
  const repair = marginal.find(({ id }) => id === "fix-all");
  if (single && single.id !== input.hubId && repair && repair.tasksPerHour.low > 0) {
    return {
      action: "fix",
      sentence: `Fix the single hub (${single.id}): ${signed(repair.tasksPerHour)} tasks/h at no new machine; ${does}, ${bindsNow.sentence}.`,
      distributeAt,
    };
  }
  const node = marginal.find(({ id }) => id === "hub-node");
  if (node && node.tasksPerHour.low > 0) {
    return {
      action: "distribute",
      sentence: `${capital(node.change)}: ${signed(node.tasksPerHour)} tasks/h; ${does}, ${bindsNow.sentence}.`,
      distributeAt,
    };
  }
  return {
    action: "nothing",
    sentence: `The hub binds and nothing measured is clearly better: ${does}, ${bindsNow.sentence}.`,
    distributeAt,
  };
}

/** What costs nothing comes first if it clearly helps; then by what a month's money buys. */
export function bestAddition(marginal: readonly MarginalValue[]): MarginalValue | undefined {
  const helping = marginal.filter(({ tasksPerHour }) => tasksPerHour.low > 0 && tasksPerHour.value >= LEAST_GAIN);
  const free = helping.filter(({ costPerMonth }) => costPerMonth === 0).toSorted(byGain)[0];
  if (free) return free;
  const priced = helping
    .filter(({ tasksPerHourPer1000 }) => tasksPerHourPer1000 !== null)
    .toSorted((a, b) => (b.tasksPerHourPer1000?.value ?? 0) - (a.tasksPerHourPer1000?.value ?? 0))[0];
  return priced ?? helping.toSorted(byGain)[0];
}

/** Tasks an hour: less is noise. */
const LEAST_GAIN = 0.1;
const byGain = (a: MarginalValue, b: MarginalValue) => b.tasksPerHour.value - a.tasksPerHour.value;

export function flipsOf({ input, now, bindsNext, distributeAt, walls }: Parts): FleetDecision["flipsWhen"] {
  const lines: string[] = [];
  const months = (agents: number) => {
    const { growthPerMonth } = input.slo;
    if (!(growthPerMonth > 0) || agents <= now.agents) return "";
    return `, in ${Math.ceil(Math.log(agents / now.agents) / Math.log(1 + growthPerMonth))} months at ${Math.round(growthPerMonth * 100)} % a month`;
  };
  if (bindsNext) lines.push(`${bindsNext.sentence} → that comes before any change of the hub is felt`);
  for (const { name, days } of metInTime(walls)) {
    lines.push(`in ${whole(days)} days at this load: ${name} of ${input.hubId} → fix it`);
  }
  if (distributeAt) {
    const { busyAgents, tasksPerHour } = distributeAt;
    lines.push(
      `> ${rounded(busyAgents)} busy agents, ${rounded(tasksPerHour)} tasks/h → the best single hub is full: distribute${months(busyAgents.value)}`,
    );
  }
  return lines;
}

/** `120 [80, 150]`, or the value alone where nothing was drawn. */
export function rounded({ value, low, high, n }: Estimate): string {
  return n === 0 ? whole(value) : `${whole(value)} [${whole(low)}, ${whole(high)}]`;
}

function signed(estimate: Estimate): string {
  return `${estimate.value < 0 ? "" : "+"}${rounded(estimate)}`;
}

/** Whole numbers from 10 to 10,000, fewer digits outside: no more than the intervals justify. */
export function whole(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size < 10) return String(Number(value.toPrecision(2)));
  return (size < 10_000 ? Math.round(value) : Number(value.toPrecision(3))).toLocaleString("en");
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
