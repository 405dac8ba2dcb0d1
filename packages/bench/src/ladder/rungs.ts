/** Which hubs a ladder measures, and in which order fixes are added up. Pure. */
import { ALL_FIXES, type Fix } from "@hubscale/hub-single";
import { formatHubId, type HubSpec } from "../drivers/hub-id.ts";

export interface Rung {
  /**
   * `reference`: no fix. `alone`: one fix. `sum`: all fixes up to this rung. `control`: the reference once more, at the end; what
   * it differs by from the first is the ladder's own noise.
   */
  kind: "reference" | "alone" | "sum" | "control";
  fixes: readonly Fix[];
  /** What this rung has more than the one before it. */
  added: readonly Fix[];
}

export const REFERENCE: Rung = { kind: "reference", fixes: [], added: [] };
export const CONTROL: Rung = { kind: "control", fixes: [], added: [] };

export const EVERY_FIX: readonly Fix[] = [...ALL_FIXES];

/**
 * Costs of connects (C5, C8), registrations (C9), messages (C11), of a table's size (C7) and of a long queue (C4): nothing of that
 * happens while tasks flow and none waits. Each is measured alone all the same; a short ladder, which has no backlog, adds them in
 * one step.
 */
export const BESIDE_THE_TASK_PATH: ReadonlySet<Fix> = new Set<Fix>(["C4", "C5", "C7", "C8", "C9", "C11"]);

/**
 * The order in which fixes are added that do not show a gain alone: the sync, then what is written, then how often is scheduled,
 * then what is scanned. A cost that hides behind a larger one shows once that is mended.
 */
const STATED_ORDER: readonly Fix[] = ["C3", "C1", "C6", "C10", "C2", "C4", "C5", "C8", "C7", "C9", "C11"];

export function aloneRungs(fixes: readonly Fix[]): Rung[] {
  return fixes.map((fix) => ({ kind: "alone", fixes: [fix], added: [fix] }));
}

/** What a fix brings alone; null: not told apart from the reference. */
export interface Gain {
  fix: Fix;
  /** Capacity over that of the reference, or, where that tells nothing, the CPU of the reference over that of this one. */
  factor: number | null;
}

/** By gain where there is one, the largest first; the others after them in the stated order. */
export function orderByGain(gains: readonly Gain[]): Fix[] {
  const told = gains.filter((gain) => gain.factor !== null && gain.factor > 1);
  const byFactor = told.sort((a, b) => (b.factor as number) - (a.factor as number)).map((gain) => gain.fix);
  const others = gains.map((gain) => gain.fix).filter((fix) => !byFactor.includes(fix));
  return [...byFactor, ...others.sort((a, b) => STATED_ORDER.indexOf(a) - STATED_ORDER.indexOf(b))];
}

/**
 * The fixes of `order` added one after the other. The first is left out: it is a rung already, alone. `together`: fixes that may be
 * added in one last step.
 */
export function sumRungs(order: readonly Fix[], together: ReadonlySet<Fix> = new Set()): Rung[] {
  const single = order.filter((fix) => !together.has(fix));
  const last = order.filter((fix) => together.has(fix));
  const steps = [...single.map((fix) => [fix]), ...(last.length > 0 ? [last] : [])];
  const rungs: Rung[] = [];
  const sum: Fix[] = [];
  for (const added of steps) {
    sum.push(...added);
    rungs.push({ kind: "sum", fixes: [...sum], added });
  }
  return rungs.filter((rung) => rung.fixes.length > 1);
}

/** The last rung without those between. */
export function topRung(fixes: readonly Fix[]): Rung {
  return { kind: "sum", fixes, added: fixes };
}

export function specOf(rung: Rung): HubSpec & { kind: "single" } {
  const fixes = EVERY_FIX.filter((fix) => rung.fixes.includes(fix));
  return { kind: "single", profile: "reference", fixes };
}

export function hubIdOf(rung: Rung): string {
  return formatHubId(specOf(rung));
}

/** In a table: `reference`, `+C3 alone`, `… +C1`, `all 11`. */
export function nameOf(rung: Rung): string {
  const added = rung.added.map((fix) => `+${fix}`).join(" ");
  switch (rung.kind) {
    case "reference":
      return "reference";
    case "control":
      return "reference, again";
    case "alone":
      return `${added} alone`;
    case "sum":
      if (rung.added.length === rung.fixes.length) return "all together";
      return rung.fixes.length === EVERY_FIX.length ? `… ${added} = all` : `… ${added}`;
  }
}

/** Neighbours take their turns at the same time. */
export function inGroups<T>(items: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let i = 0; i < items.length; i += size) groups.push(items.slice(i, i + size));
  return groups;
}
