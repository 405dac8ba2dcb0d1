/** How much time a comparison may take, and what it does with it. */
import type { HeldQuantity } from "./quantity.ts";
import { SHORT_WARM_UP, THOROUGH_WARM_UP, type WarmUpPlan } from "./warm-up.ts";

export interface Effort {
  name: "smoke" | "quick" | "full";
  hubs: readonly string[];
  /** Trials that count, for each hub. */
  trialsPerHub: number;
  trialMs: number;
  warmUp: WarmUpPlan;
  /** Unmeasured time at the start of each trial: connections wake, caches fill. */
  warmupMs: number;
  /** A closed-loop burst that finds the order of magnitude before the search. */
  probeMs: number;
  /** The search of a hub ends early when its interval is within this share of the value. */
  goalHalfWidth: number;
  /** Seconds from the program's start until which hubs whose interval is wider than that get more trials, in turn. */
  moreTrialsUntilS: number;
  /** Searched after the tasks. */
  quantities: readonly HeldQuantity[];
  trialsPerQuantity: number;
  quantityTrialMs: number;
}

export const EFFORTS: Record<Effort["name"], Effort> = {
  smoke: {
    name: "smoke",
    hubs: ["single-reference", "single-tuned", "sharded-redis@2"],
    trialsPerHub: 5,
    trialMs: 1200,
    warmUp: SHORT_WARM_UP,
    warmupMs: 200,
    probeMs: 600,
    goalHalfWidth: 0.15,
    moreTrialsUntilS: 0,
    quantities: [],
    trialsPerQuantity: 5,
    quantityTrialMs: 1000,
  },
  quick: {
    name: "quick",
    hubs: ["single-reference", "single-tuned", "sharded-redis@1", "sharded-redis@2", "sharded-redis@4", "sharded-nats@2"],
    trialsPerHub: 11,
    trialMs: 1500,
    warmUp: THOROUGH_WARM_UP,
    warmupMs: 300,
    probeMs: 1000,
    goalHalfWidth: 0.1,
    // Five minutes are promised, and the end takes some seconds.
    moreTrialsUntilS: 280,
    quantities: [],
    trialsPerQuantity: 6,
    quantityTrialMs: 1200,
  },
  full: {
    name: "full",
    hubs: ["single-reference", "single-tuned", "sharded-redis@1", "sharded-redis@2", "sharded-redis@4", "sharded-nats@2"],
    // Many trials rather than long ones: what makes one miss is mostly the machine's moment, and that is no rarer in a long trial.
    trialsPerHub: 75,
    trialMs: 4000,
    warmUp: THOROUGH_WARM_UP,
    warmupMs: 600,
    probeMs: 3000,
    goalHalfWidth: 0.05,
    moreTrialsUntilS: 3600,
    quantities: ["streamingAgents", "messagesPerSec", "connections"],
    trialsPerQuantity: 16,
    quantityTrialMs: 3000,
  },
};

export function isEffort(name: string): name is Effort["name"] {
  return Object.hasOwn(EFFORTS, name);
}
