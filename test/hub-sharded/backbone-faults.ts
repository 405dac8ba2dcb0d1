/**
 * What becomes of a hub at work when its backbone is killed, sleeps, or is cut off: the same cases over local processes and over
 * containers, which differ only in who does the harm.
 */
import type { FrontDoor, SteadyWork } from "hubscale/faults";
import { ProcessCare } from "hubscale/machine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClean, steadyWorkAt, tellRecovery } from "./sharded-hub.ts";

export const LEASE_MS = 2_000;
const AGENTS = 30;
/** Two thirds of the agents are busy at any time, so that each node holds tasks when something happens to it. */
export const WORK = { agents: AGENTS, ratePerSec: 60, workMs: 330 };

export type Engine = "redis" | "nats";

/** By agents, but for their waiting; submitters are asked for patience and get nothing worse. */
const UNNOTICED = { complaints: {}, disconnected: 0 };

type Act = () => Promise<void>;

/** Each resolves when it is done. */
export interface HarmableBackbone {
  /** As by a power switch. */
  kill: Act;
  restart: Act;
  pause: Act;
  resume: Act;
  /** From all nodes. */
  cutOff: Act;
  rejoin: Act;
}

export interface HubOverBackbone {
  door: FrontDoor;
  backbone: HarmableBackbone;
  stop(): Promise<void>;
}

export type SupplyHub = (engine: Engine, care: ProcessCare) => Promise<HubOverBackbone>;

/** Ends the work, prints what was seen since `sinceMs`, and fails if anything acknowledged was lost or done twice. */
export async function recoveredClean(fault: string, work: SteadyWork, sinceMs: number) {
  const recovery = await work.recovered(sinceMs);
  await work.until("all agents connected", () => work.generator.fleet.online === AGENTS, 60_000);
  const end = await work.stop();
  tellRecovery(fault, recovery, end);
  expectClean(end);
  return end;
}

/** `where` is told in the lines that are printed. */
export function backboneFaultCases(where: string, supply: SupplyHub): void {
  describe.each(["redis", "nats"] as const)(`%s as ${where}: nothing is lost or done twice, agents stay, when it`, (engine) => {
    let care: ProcessCare;
    let hub: HubOverBackbone;

    beforeAll(async () => {
      care = new ProcessCare({ handleSignals: false });
      hub = await supply(engine, care);
    }, 300_000);

    afterAll(async () => {
      await hub?.stop();
      await care.close();
    });

    /** Harm until submitters are asked for patience and for as long as said, then the end of it. */
    async function during(fault: string, { harm, heal, lastsMs = 0 }: { harm: Act; heal: Act; lastsMs?: number }) {
      const work = await steadyWorkAt(hub.door, WORK);
      await harm();
      await work.generator.until(work.nowMs() + lastsMs);
      await work.until("submissions to be postponed", () => work.postponed > 0);
      await heal();
      const { complaints, disconnected } = await recoveredClean(`${engine} as ${where} ${fault}`, work, work.nowMs());
      return { complaints, disconnected };
    }

    it("is killed and started again", async () => {
      const { kill: harm, restart: heal } = hub.backbone;
      expect(await during("killed, started again", { harm, heal })).toEqual(UNNOTICED);
    });

    it("sleeps for longer than a lease", async () => {
      const { pause: harm, resume: heal } = hub.backbone;
      expect(await during("asleep for one lease and a half", { harm, heal, lastsMs: 1.5 * LEASE_MS })).toEqual(UNNOTICED);
    });

    it("is cut off from all nodes for longer than a lease", async () => {
      const { cutOff: harm, rejoin: heal } = hub.backbone;
      expect(await during("cut off for one lease and a half", { harm, heal, lastsMs: 1.5 * LEASE_MS })).toEqual(UNNOTICED);
    });
  });
}
