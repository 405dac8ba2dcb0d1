/** What a comparison, made just now or recorded, says of the hubs, as the fleet's decision wants it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FixGain, HubEvidence, HubMeasure } from "@hubscale/fleet-model";
import { FAULTS_FILE } from "../faults/faults-file.ts";
import { readLadder } from "../ladder/ladder-file.ts";
import type { LadderResult } from "../ladder/ladder-result.ts";
import { scaled } from "../measure/estimate.ts";
import type { CompareResult, HubResult } from "../results/compare-result.ts";
import { readResultFile } from "../results/result-file.ts";
import { COMPARE_FILE } from "../results/stored-result.ts";

type Evidence = { ok: true; evidence: HubEvidence } | { ok: false; problem: string };

/** Shipped with the program: what `evidenceInFolder` says of docs/results/recorded, written by `bench analysis --evidence`. */
export function recordedEvidence(): HubEvidence {
  const file = fileURLToPath(new URL("../../calibration/recorded-hubs.json", import.meta.url));
  return JSON.parse(readFileSync(file, "utf8")) as HubEvidence;
}

/** Of the results in a folder, under the names that the commands give them: a comparison, and a ladder and faults if they are there. */
export function evidenceInFolder(dir: string): Evidence {
  const [results, ladder, faults] = ["results.json", "ladder.json", "faults.json"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const found = evidenceFrom(results, existsSync(ladder) ? ladder : undefined);
  return found.ok && existsSync(faults) ? withFaults(found.evidence, faults) : found;
}

/** Of a results.json, and of a ladder.json for the single fixes. */
export function evidenceFrom(file: string, ladderFile?: string): Evidence {
  const result = readResultFile(file, COMPARE_FILE);
  if (!result.ok) return result;
  const evidence = evidenceOf(result.value, "recorded");
  if (evidence.hubs.length === 0) return { ok: false, problem: `${file} has no hub with a valid capacity` };
  if (ladderFile === undefined) return { ok: true, evidence };
  const read = readLadder(ladderFile);
  return read.ok ? { ok: true, evidence: { ...evidence, fixes: gainsOf(read.ladder) } } : read;
}

/**
 * With what a faults.json of bench faults says of the end of a node, for the hubs that are in both. A file without such a fault alone
 * changes nothing.
 */
export function withFaults(evidence: HubEvidence, file: string): Evidence {
  const result = readResultFile(file, FAULTS_FILE);
  if (!result.ok) return result;
  const known = new Map(result.value.hubs.map(({ hub, byKind }) => [hub, byKind.find(({ kind }) => kind === "kill-node")]));
  const hubs = evidence.hubs.map((hub): HubMeasure => {
    const { recoverySeconds = null, tasksDelayed = null } = known.get(hub.id) ?? {};
    return recoverySeconds && tasksDelayed ? { ...hub, availability: { recoverySeconds, tasksDelayed } } : hub;
  });
  return { ok: true, evidence: { ...evidence, hubs } };
}

export function evidenceOf(
  result: Pick<CompareResult, "hubs" | "environment" | "workload" | "isolation" | "startedAt" | "ladder">,
  source: HubEvidence["source"],
): HubEvidence {
  const { environment } = result;
  const commit = (environment["commit"] as { hash?: string } | undefined)?.hash?.slice(0, 7);
  const where = [String(environment["cpuModel"] ?? "unknown CPU"), `Node ${String(environment["node"] ?? "unknown")}`];
  const from = [result.startedAt.slice(0, 10), ...(commit ? [`commit ${commit}`] : []), ...where].join(", ");
  const fixes = result.ladder ? gainsOf(result.ladder) : [];
  return { source, from, hubs: result.hubs.flatMap((hub) => measureOf(hub, result)), fixes };
}

function measureOf(
  hub: HubResult,
  { environment, workload, isolation }: Pick<CompareResult, "environment" | "workload" | "isolation">,
): HubMeasure[] {
  const capacity = hub.capacity.tasksPerSec;
  if (!hub.valid || !capacity) return [];
  const streaming = hub.capacity.streamingAgents;
  const disk = environment["dataDisk"] as { syncMsP50?: number } | undefined;
  const cpu = Object.entries(hub.perTask).flatMap(([role, { cpuMs }]) =>
    cpuMs && role !== "generator" ? [[role, cpuMs]] : [],
  );
  return [
    {
      id: hub.id,
      kind: hub.machines.backboneServers > 0 ? "sharded" : "single",
      nodes: hub.machines.hubNodes,
      backboneServers: hub.machines.backboneServers,
      coresPerMachine: isolation.coresPerMachine ?? 1,
      capacityTasksPerSec: capacity,
      cpuMsPerTask: Object.fromEntries(cpu),
      assignMsP50: hub.latency.assignMsP50,
      fsyncsPerTask: hub.perTask["hub"]?.fsyncs ?? null,
      syncsInTurn: /^single-reference(?!.*C1(\+|$))/.test(hub.id),
      fsyncMs: disk?.syncMsP50 ?? null,
      rowsReadPerTask: hub.workPerTask["rowsRead"] ?? null,
      completedRows: workload.completedRows,
      framesPerSec: streaming && scaled(streaming, FRAMES_OF_A_STREAM_PER_SEC, "frames/s"),
      connections: hub.capacity.connections,
      availability: null,
    },
  ];
}

/** A sidecar batches what its model streams into windows of 100 ms. */
const FRAMES_OF_A_STREAM_PER_SEC = 10;

/** Each fix alone, where the ladder could tell it from the reference. */
function gainsOf({ ladders }: LadderResult): FixGain[] {
  return (ladders[0]?.rungs ?? []).flatMap(({ kind, added, ratio, toldApart }) =>
    kind === "alone" && ratio && toldApart.byCapacity ? [{ fix: added.join("+"), gain: ratio }] : [],
  );
}
