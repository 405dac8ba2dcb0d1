/** What a hub's capacity is counted in, and how each is offered and judged. */
import type { HeldLoadKind } from "../load/held-load.ts";
import type { Slo } from "../measure/slo.ts";
import type { HubResult } from "../results/compare-result.ts";

export type Quantity = keyof HubResult["capacity"];
export type HeldQuantity = Exclude<Quantity, "tasksPerSec">;

export interface QuantityPlan {
  load: HeldLoadKind;
  /** Of the load, in words. */
  unit: string;
  /** What is counted in a trial. */
  what: string;
  slo: Slo;
  /** Enough to see what one costs, on a hub of which nothing is known. */
  probe: number;
  /** What one generator process can offer, or one machine carry. */
  maxLoad: number;
}

export const QUANTITIES: Readonly<Record<HeldQuantity, QuantityPlan>> = {
  streamingAgents: {
    load: "streams",
    unit: "agents",
    what: "questions of streaming agents answered",
    slo: { stage: "report", quantile: "p99", boundMs: 100 },
    probe: 5,
    maxLoad: 3_000,
  },
  messagesPerSec: {
    load: "directMessages",
    unit: "messages/s",
    what: "messages delivered",
    slo: { stage: "deliver", quantile: "p99", boundMs: 100 },
    probe: 40,
    maxLoad: 20_000,
  },
  connections: {
    load: "idleAgents",
    unit: "agents",
    what: "pings answered",
    slo: { stage: "pong", quantile: "p99", boundMs: 100 },
    probe: 32,
    // The edge refuses more by default; the limit of open files may be lower.
    maxLoad: 18_000,
  },
};

export const QUANTITY_NAMES = ["tasksPerSec", "streamingAgents", "messagesPerSec", "connections"] as const satisfies Quantity[];
