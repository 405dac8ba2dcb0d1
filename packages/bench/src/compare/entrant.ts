/** A hub at the start line: running, connected to its generator, its durability read back; or refused, with the reason. */
import type { HubResult, WarmUp } from "../results/compare-result.ts";
import type { LoadGenerator, MachineProbe, MeasuredHub } from "./contender.ts";
import type { QuantityPlan } from "./quantity.ts";
import type { WarmUpPlan } from "./warm-up.ts";

export type Entrant =
  | {
      ready: true;
      hub: MeasuredHub;
      generator: LoadGenerator;
      /** That of hub and generator; absent: they have not one machine, or not all of the hub is known. */
      machine?: MachineProbe;
      durability: HubResult["durability"];
      /** An unmeasured load without any quota: code gets compiled, connections opened. */
      warmUp(plan: WarmUpPlan): Promise<WarmUp>;
      /** `cores` in place of those that the run gives to each machine. */
      applyQuotas(cores?: number): void;
      /** The generator of another quantity than tasks. */
      hold(plan: QuantityPlan): Promise<LoadGenerator>;
      /** What cannot be known of this hub. */
      unknown: string[];
      /** Drains and ends the hub. */
      stop(): Promise<void>;
    }
  | { ready: false; refused: HubResult };

export type RefusedEntrant = Extract<Entrant, { ready: false }>;
export type ReadyEntrant = Extract<Entrant, { ready: true }>;

/** The entry of a hub that cannot be compared: shown with its reason, and never part of the verdict. */
export function refusedHub(id: string, reason: string, durability: HubResult["durability"]): HubResult {
  return {
    id,
    valid: false,
    invalidReasons: [reason],
    durability,
    machines: { hubNodes: 0, backboneServers: 0 },
    capacity: { tasksPerSec: null, streamingAgents: null, messagesPerSec: null, connections: null },
    capacityNotes: {},
    latency: { assignMsP50: null, assignMsP99: null, assignServiceMsP99: null, histograms: null },
    perTask: {},
    history: { submitted: 0, acknowledged: 0, completed: 0, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 },
    bound: { role: null, utilisation: null, explanation: "not comparable" },
    workPerTask: {},
    trials: [],
    describe: null,
  };
}
