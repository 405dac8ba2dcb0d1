/** Figures that say where they are from: each is read out of a result file by a path, and the path is its footnote. */
import type { Estimate } from "../measure/estimate.ts";
import { estimate, number } from "../page/figures-in-words.ts";

export class Footnotes {
  private readonly texts: string[] = [];

  /** The mark of a footnote; the same text has the same mark. */
  mark(text: string): string {
    const known = this.texts.indexOf(text);
    const index = known >= 0 ? known : this.texts.push(text) - 1;
    return `[^${index + 1}]`;
  }

  lines(): string[] {
    return this.texts.map((text, index) => `[^${index + 1}]: ${text}`);
  }
}

/** The field at a path such as `hubs[0].capacity.tasksPerSec`; undefined where there is none. */
export function fieldAt(value: unknown, path: string): unknown {
  let at = value;
  for (const key of path.match(/[^.[\]]+/g) ?? []) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** A result file, whose figures are quoted with their paths. */
export class QuotedFile<Value> {
  readonly name: string;
  readonly value: Value;
  private readonly notes: Footnotes;

  constructor(name: string, value: Value, notes: Footnotes) {
    this.name = name;
    this.value = value;
    this.notes = notes;
  }

  /** For figures that are named one by one in what surrounds the mark. Throws for a path without a field. */
  mark(...paths: string[]): string {
    for (const path of paths) {
      if (fieldAt(this.value, path) === undefined) throw new Error(`${this.name} has no field ${path}`);
    }
    return this.notes.mark(`\`${this.name}\`: ${paths.map((path) => `\`${path}\``).join(", ")}`);
  }

  text(path: string): string {
    return `${String(fieldAt(this.value, path))}${this.mark(path)}`;
  }

  number(path: string, words: (value: number) => string = number): string {
    return `${words(Number(fieldAt(this.value, path)))}${this.mark(path)}`;
  }

  /** `120 [90, 150] tasks/s`; a field that is null was not measured, and that is said. */
  estimate(path: string): string {
    const figure = fieldAt(this.value, path) as Estimate | null;
    return `${figure ? `${estimate(figure)} ${figure.unit}`.trim() : "not measured"}${this.mark(path)}`;
  }
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""];
}

/** Said in place of a section whose file is not there. */
export function missing(what: string, command: string): string[] {
  return [`${what} is not among these results. \`${command}\` produces it.`, ""];
}
