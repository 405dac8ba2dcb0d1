/**
 * A comparison's trials on disk, each as a file of its own as soon as it is judged, so that a run that was interrupted, by Ctrl-C or
 * by a power cut, goes on where it was. Kept is only what was measured under the same configuration.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Point } from "./contender.ts";

/** Everything that, if it were another, would make the trials of another kind. Values are compared as JSON. */
export type RunConfiguration = Record<string, unknown>;

export interface KeptPoint extends Point {
  hub: string;
  /** Of all trials of the run, in their order. */
  turn: number;
}

export type OpenedPoints =
  | {
      ok: true;
      points: PointFiles;
      kept: KeptPoint[];
      /** Trials of the earlier start that cannot be believed and were removed. */
      dropped: number;
      /** Of the earlier start; null: there was none. */
      startedAt: string | null;
    }
  | { ok: false; problems: string[] };

const FOLDER = "points";
const RUN_FILE = "run.json";
const POINT_FILE = /^\d+\.json$/;
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
    if (resume && existsSync(join(dir, RUN_FILE))) return PointFiles.#resume(dir, configuration);
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    put(dir, RUN_FILE, { startedAt, configuration });
    return { ok: true, points: new PointFiles(dir, 0), kept: [], dropped: 0, startedAt: null };
  }

  static #resume(dir: string, configuration: RunConfiguration): OpenedPoints {
    const run = read(join(dir, RUN_FILE)) as { startedAt: string; configuration: RunConfiguration };
    const problems = differences(run.configuration, configuration);
    if (problems.length > 0) return { ok: false, problems };
    const found = readdirSync(dir)
      .filter((name) => POINT_FILE.test(name))
      .sort()
      .map((name) => read(join(dir, name)) as KeptPoint);
    const kept = found.filter((point) => isUsable(point, found));
    for (const { turn } of found.filter((point) => !kept.includes(point))) rmSync(join(dir, fileOf(turn)));
    const points = new PointFiles(dir, (found.at(-1)?.turn ?? -1) + 1);
    return { ok: true, points, kept, dropped: found.length - kept.length, startedAt: run.startedAt };
  }

  private constructor(dir: string, turn: number) {
    this.#dir = dir;
    this.#turn = turn;
  }

  /** Returns when the file is there, whole. */
  keep(hub: string, point: Point): void {
    const turn = this.#turn++;
    put(this.#dir, fileOf(turn), { hub, turn, ...point } satisfies KeptPoint);
  }
}

/** Whether a folder holds points that a new run would replace. */
export function holdsPoints(out: string): boolean {
  const dir = join(out, FOLDER);
  return existsSync(dir) && !existsSync(join(out, "results.json")) && readdirSync(dir).some((name) => POINT_FILE.test(name));
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

function read(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

function put(dir: string, name: string, value: unknown): void {
  const partial = join(dir, `${name}.partial`);
  writeFileSync(partial, `${JSON.stringify(value)}\n`);
  renameSync(partial, join(dir, name));
}
