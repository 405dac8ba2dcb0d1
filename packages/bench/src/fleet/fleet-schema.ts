/** What `bench fleet --json` writes: schema `hubscale.fleet/1`, the question and the answer of `decideFleet`; also in the result of a comparison. */
import type { AgentsPerGpu, FleetDecision, FleetInput, HubEvidence, Wall } from "@hubscale/fleet-model";
import { type Static, type TSchema, Type } from "typebox";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { amount, byName, count, nullable, positive, signed, text, texts } from "../results/field-schemas.ts";

export const FLEET_SCHEMA = "hubscale.fleet/1";

/** A schema for a type that fleet-model owns, which knows no schemas; does not compile where the two differ for a reader. */
function schemaOf<Model>() {
  return <Schema extends TSchema>(schema: Static<Schema> extends Model ? Schema : never) => Type.Unsafe<Model>(schema);
}

const AVAILABILITY = Type.Object({ recoverySeconds: ESTIMATE, tasksDelayed: ESTIMATE });

const HUB_MEASURE = Type.Object({
  id: text(),
  kind: Type.Enum(["single", "sharded"]),
  nodes: positive(),
  backboneServers: count(),
  coresPerMachine: positive(),
  capacityTasksPerSec: ESTIMATE,
  cpuMsPerTask: byName(ESTIMATE),
  assignMsP50: nullable(ESTIMATE),
  fsyncsPerTask: nullable(ESTIMATE),
  syncsInTurn: Type.Boolean(),
  fsyncMs: nullable(amount()),
  rowsReadPerTask: nullable(ESTIMATE),
  completedRows: count(),
  framesPerSec: nullable(ESTIMATE),
  connections: nullable(ESTIMATE),
  availability: nullable(AVAILABILITY),
});

const HUB_EVIDENCE = schemaOf<HubEvidence>()(
  Type.Object({
    source: Type.Enum(["measured", "recorded"]),
    from: text(),
    hubs: Type.Array(HUB_MEASURE),
    fixes: Type.Array(Type.Object({ fix: text(), gain: ESTIMATE })),
  }),
);

const GPU_SHAPE = Type.Object({
  type: text(),
  cards: positive(),
  numParallel: positive(),
  model: text(),
  contextTokens: positive(),
});

const FLEET_SHAPE = Type.Object({
  name: text(),
  sites: Type.Array(
    Type.Object({
      name: text(),
      hub: Type.Enum(["local", "remote"]),
      meshPath: Type.Enum(["plain", "mesh-v4", "mesh-v6", "mesh-relayed"]),
      upMbitPerSec: positive(),
      delayMs: amount(),
    }),
  ),
  hosts: Type.Array(
    Type.Object({
      name: text(),
      site: text(),
      count: count(),
      cores: positive(),
      ramGb: amount(),
      agents: count(),
      gpu: nullable(GPU_SHAPE),
    }),
  ),
  api: Type.Object({ tier: text(), model: text() }),
});

const TOOL = { toolSec: amount(), toolCpuShare: amount(), ramGb: amount() };

const TASK_PROFILE = Type.Object({
  shares: Type.Object({ trivial: amount(), standard: amount(), complex: amount() }),
  trivial: Type.Object({ cpuSec: amount(), waitSec: amount(), ramGb: amount() }),
  standard: Type.Object({
    ...TOOL,
    rounds: amount(),
    earlierRounds: amount(),
    promptTokens: amount(),
    appendedTokens: amount(),
    outputTokens: amount(),
  }),
  complex: Type.Object({
    ...TOOL,
    steps: amount(),
    earlierSteps: amount(),
    forgottenShare: amount(),
    contextTokens: amount(),
    tasksPerSession: amount(),
    appendedTokens: amount(),
    outputTokens: amount(),
    maxTokens: amount(),
  }),
  framesPerSec: amount(),
  variation: Type.Object({ tool: amount(), tokens: amount() }),
});

const PRICE = Type.Object({ perMonth: amount(), source: text() });

export const FLEET_INPUT = schemaOf<FleetInput>()(
  Type.Object({
    fleet: FLEET_SHAPE,
    work: TASK_PROFILE,
    hub: HUB_EVIDENCE,
    hubId: text(),
    hubCores: positive(),
    fsyncMs: nullable(amount()),
    completedRows: count(),
    slo: Type.Object({ tasksPerHour: nullable(amount()), maxSlowdown: positive(), growthPerMonth: amount() }),
    prices: Type.Object({
      currency: text(),
      dated: text(),
      machine: nullable(PRICE),
      gpus: byName(PRICE),
      hubNode: nullable(PRICE),
      uplinkMbit: nullable(PRICE),
      apiTier: nullable(PRICE),
    }),
    uncertainty: Type.Object({ draws: count(), seed: count() }),
  }),
);

export const FLEET_WALLS = schemaOf<Wall[]>()(
  Type.Array(
    Type.Object({
      id: text(),
      name: text(),
      busyAgents: nullable(ESTIMATE),
      tasksPerHour: nullable(ESTIMATE),
      days: nullable(amount()),
      basis: Type.Enum(["measured", "model", "parameter"]),
      how: text(),
      source: text(),
    }),
  ),
);

const BINDING = Type.Object({ name: text(), sentence: text() });

export const FLEET_DECISION = schemaOf<FleetDecision>()(
  Type.Object({
    verdict: Type.Object({
      action: Type.Enum(["nothing", "fix", "add", "distribute"]),
      sentence: text(),
      distributeAt: nullable(Type.Object({ busyAgents: ESTIMATE, tasksPerHour: ESTIMATE })),
    }),
    now: Type.Object({
      agents: count(),
      tasksPerHour: ESTIMATE,
      taskSeconds: ESTIMATE,
      slowdown: ESTIMATE,
      costPerMonth: nullable(amount()),
      costPer1000Tasks: nullable(amount()),
      stations: Type.Array(
        Type.Object({
          name: text(),
          kind: Type.Enum(["cpu", "gpu", "api", "uplink", "hub"]),
          utilisation: amount(),
          secondsPerTask: amount(),
        }),
      ),
    }),
    walls: FLEET_WALLS,
    bindsNow: BINDING,
    bindsNext: nullable(BINDING),
    marginal: Type.Array(
      Type.Object({
        id: text(),
        change: text(),
        tasksPerHour: ESTIMATE,
        costPerMonth: nullable(signed()),
        tasksPerHourPer1000: nullable(ESTIMATE),
        note: text(),
      }),
    ),
    flipsWhen: texts(),
    availability: Type.Array(Type.Object({ hubId: text(), measured: nullable(AVAILABILITY), sentence: text() })),
    holds: Type.Object({ ok: Type.Boolean(), reasons: texts() }),
    evidence: text(),
    assumptions: texts(),
  }),
);

/** A comparison's hubs in a fleet. */
export const COMPARED_FLEET = Type.Object({
  workload: text(),
  /** All that the decision rests on: whoever changes a part of it and calls `decideFleet` has a what-if. */
  input: FLEET_INPUT,
  decision: FLEET_DECISION,
});
export type ComparedFleet = Static<typeof COMPARED_FLEET>;

const AGENTS_PER_GPU = schemaOf<AgentsPerGpu[]>()(
  Type.Array(
    Type.Object({
      host: text(),
      model: text(),
      numParallel: positive(),
      onCard: amount(),
      tasksPerHour: Type.Array(amount()),
      stopsPayingAt: nullable(count()),
    }),
  ),
);

export const FLEET_RESULT = Type.Object({
  schema: Type.Literal(FLEET_SCHEMA),
  input: FLEET_INPUT,
  decision: FLEET_DECISION,
  agentsPerGpu: AGENTS_PER_GPU,
});
export type FleetResult = Static<typeof FLEET_RESULT>;
