/** Starts the hubs of a few rungs, measures them at the same time, each under its own quota and load, and ends them. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { contenderOf, type ContenderPlan } from "../compare/comparison.ts";
import { enterHub } from "../compare/enter-hub.ts";
import type { Entrant } from "../compare/entrant.ts";
import { hubResultOf } from "../compare/hub-result.ts";
import { SHORT_WARM_UP } from "../compare/warm-up.ts";
import type { CpuIsolation } from "../isolation/cpu-quota.ts";
import type { ProcessCare } from "../machine/index.ts";
import { seededRandom } from "../measure/estimate.ts";
import type { ServerSources } from "../provisioning/index.ts";
import type { HubResult } from "../results/compare-result.ts";
import { hubIdOf, type Rung, specOf } from "./rungs.ts";

export interface RungSetting extends ContenderPlan {
  care: ProcessCare;
  sources: ServerSources;
  isolation: CpuIsolation;
  fsyncFloorMs: number;
  /** A data folder whose copy each hub starts on; undefined: an empty one. */
  backlogFolder: string | undefined;
  tell(line: string): void;
}

type Ready = Extract<Entrant, { ready: true }>;

/** In the order of the rungs. Rejects when a hub does not start. */
export async function measureRungs(rungs: readonly Rung[], setting: RungSetting): Promise<HubResult[]> {
  const { care } = setting;
  const folder = care.temporaryFolder("ladder");
  const entrants: Ready[] = [];
  try {
    entrants.push(...(await Promise.all(rungs.map((rung, i) => enter(rung, join(folder, String(i)), setting)))));
    const contenders = entrants.map((entrant) => ({ entrant, contender: contenderOf(entrant, setting) }));
    // All are warm before any is measured: without its quota, the start of one would take from the trials of another.
    await Promise.all(
      contenders.map(async ({ entrant, contender }) => {
        await entrant.warmUp(SHORT_WARM_UP);
        await contender.settle();
      }),
    );
    for (const { entrant } of contenders) entrant.applyQuotas();
    return await Promise.all(
      contenders.map(async ({ entrant, contender }) => {
        await contender.probe();
        while (!contender.finished) await contender.trial();
        const checked = await contender.finish();
        const { durability } = entrant;
        const facts = { durability, checked, describe: null, coresPerMachine: setting.coresPerMachine };
        return hubResultOf(contender, facts, seededRandom(setting.seed));
      }),
    );
  } finally {
    await Promise.all(entrants.map((entrant) => entrant.stop()));
    care.removeFolder(folder);
  }
}

async function enter(rung: Rung, folder: string, setting: RungSetting): Promise<Ready> {
  if (setting.backlogFolder !== undefined) cpSync(setting.backlogFolder, folder, { recursive: true });
  const entrant = await enterHub({
    ...setting,
    id: hubIdOf(rung),
    spec: specOf(rung),
    durability: "fsync",
    ...(setting.backlogFolder !== undefined && { keptFolder: folder }),
  });
  if (!entrant.ready) throw new Error(`${hubIdOf(rung)}: ${entrant.refused.invalidReasons.join("; ")}`);
  return entrant;
}
