/** What happened in a simulated run, in sentences, and what was wrong with it. */
import type { World } from "./world.ts";

export class History {
  readonly lines: string[] = [];
  readonly violations: string[] = [];
  readonly counts: Record<string, number> = {};
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  tell(line: string): void {
    this.lines.push(`${(this.#world.elapsedMs / 1_000).toFixed(3).padStart(8)} s  ${line}`);
  }

  violated(what: string): void {
    this.violations.push(what);
    this.tell(`VIOLATED: ${what}`);
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}
