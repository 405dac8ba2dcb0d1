/**
 * A comparison's trials on disk, each as a file of its own as soon as it is judged, so that a run that was interrupted, by Ctrl-C or
 * by a power cut, goes on where it was. Kept is only what was measured under the same configuration.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { syncFolder, writeWholeFile } from "@hubscale/hub-runtime/files";
import { LatencyRecord } from "../load/latency-record.ts";
import { type FileRead, readResultFile } from "../results/result-file.ts";
import { KEPT_POINT, type KeptPoint, type Point, RUN, type RunConfiguration } from "./point-schema.ts";

export type { KeptPoint, RunConfiguration };

export type OpenedPoints =
  | {
      ok: true;
      points: PointFiles;
      kept: KeptPoint[];
      /** Trials of the earlier start that cannot be believed and were removed. */
      dropped: number;
      /** Files of trials that cannot be read, in words; they were set aside, and the trials are measured again. */
      damaged: string[];
      /** Of the earlier start; null: there was none. */
      startedAt: string | null;
    }
  /** What differs in the configuration, or what is wrong with the file that says it; nothing was changed. */
  | { ok: false; problems: string[]; isDamaged?: true };

const FOLDER = "points";
const RUN_FILE = "run.json";
const POINT_FILE = /^\d{5,}\.json$/;
const turnOf = (name: string) => Number.parseInt(name, 10);
const fileOf = (turn: number) => `${String(turn).padStart(5, "0")}.json`;

export class PointFiles {
  readonly #dir: string;
  #turn: number;

  /**
   * Opens the folder of a run in `out`. With `resume` what is there is read, and refused when its configuration is another;
   * without, it is replaced.
   */
  static open(
    out: string,
    configuration: RunConfiguration,
    { resume, startedAt }: { resume: boolean; startedAt: string },
  ): OpenedPoints {
    const dir = join(out, FOLDER);
    if (resume && (existsSync(join(dir, RUN_FILE)) || pointFilesIn(dir).length > 0))
      return PointFiles.#resume(dir, configuration);
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    syncFolder(out);
    put(join(dir, RUN_FILE), { startedAt, configuration });
    return { ok: true, points: new PointFiles(dir, 0), kept: [], dropped: 0, damaged: [], startedAt: null };
  }

  static #resume(dir: string, configuration: RunConfiguration): OpenedPoints {
    const names = pointFilesIn(dir);
    const run = readResultFile(join(dir, RUN_FILE), { schema: RUN });
    if (!run.ok) return { ok: false, problems: [run.problem, lostConfiguration(names.length)], isDamaged: true };
    const problems = differences(run.value.configuration, configuration);
    if (problems.length > 0) return { ok: false, problems };
    const found: KeptPoint[] = [];
    const damaged: string[] = [];
    for (const name of names) {
      const read = readPoint(join(dir, name), turnOf(name));
      if (read.ok) found.push(read.value);
      else damaged.push(setAside(join(dir, name), read.problem));
    }
    const kept = found.filter((point) => isUsable(point, found));
    for (const { turn } of found.filter((point) => !kept.includes(point))) rmSync(join(dir, fileOf(turn)));
    syncFolder(dir);
    const points = new PointFiles(dir, Math.max(-1, ...names.map(turnOf)) + 1);
    return { ok: true, points, kept, dropped: found.length - kept.length, damaged, startedAt: run.value.startedAt };
  }

  private constructor(dir: string, turn: number) {
    this.#dir = dir;
    this.#turn = turn;
  }

  /** Returns when the file is there, whole, also after a power cut. */
  keep(hub: string, point: Point): void {
    const turn = this.#turn++;
    put(join(this.#dir, fileOf(turn)), { hub, turn, ...point } satisfies KeptPoint);
  }
}

/** Whether a folder holds points that a new run would replace. */
export function holdsPoints(out: string): boolean {
  return !existsSync(join(out, "results.json")) && pointFilesIn(join(out, FOLDER)).length > 0;
}

/**
 * A trial whose tasks were not all seen to end cannot be checked any more. Those after it go too: the search chose their loads
 * knowing of it.
 */
function isUsable(point: KeptPoint, all: readonly KeptPoint[]): boolean {
  return !all.some(({ hub, turn, checked }) => hub === point.hub && turn <= point.turn && (checked?.unfinished ?? 0) > 0);
}

function differences(before: RunConfiguration, now: RunConfiguration): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return names.flatMap((name) => {
    const [a, b] = [JSON.stringify(before[name] ?? null), JSON.stringify(now[name] ?? null)];
    return a === b ? [] : [`${name}: was ${a}, is ${b}`];
  });
}

function lostConfiguration(trials: number): string {
  const anew = "start anew without --resume";
  if (trials === 0) return `no trial is kept there, so nothing is lost: ${anew}`;
  return `it says under which conditions the ${trials} trials beside it were measured, and nothing can go on from them without it: take it from a copy, or ${anew} and in another folder, which keeps them`;
}

function readPoint(file: string, turn: number): FileRead<KeptPoint> {
  const read = readResultFile(file, { schema: KEPT_POINT });
  if (!read.ok) return read;
  const wrong = (problem: string): FileRead<KeptPoint> => ({ ok: false, problem: `${file}: ${problem}` });
  if (read.value.turn !== turn) return wrong(`turn: is ${read.value.turn}, not that of the file's name`);
  return hasReadableHistograms(read.value) ? read : wrong("histograms: cannot be decoded");
}

function hasReadableHistograms({ histograms, summary }: KeptPoint): boolean {
  const all = [summary.histograms, histograms?.response, histograms?.service].flatMap((texts) => Object.values(texts ?? {}));
  try {
    LatencyRecord.merged(all.filter((text) => text !== ""));
    return true;
  } catch {
    // Whatever the decoder says: it was not made by its encoder.
    return false;
  }
}

/** Kept under another name, for whoever wants to look at it; the other trials stand, each by itself. */
function setAside(file: string, problem: string): string {
  renameSync(file, `${file}.damaged`);
  return `${problem}; set aside as ${file}.damaged, its trial is measured again`;
}

function pointFilesIn(dir: string): string[] {
  return existsSync(dir)
    ? readdirSync(dir)
        .filter((name) => POINT_FILE.test(name))
        .sort()
    : [];
}

function put(file: string, value: unknown): void {
  writeWholeFile(file, `${JSON.stringify(value)}\n`);
}
