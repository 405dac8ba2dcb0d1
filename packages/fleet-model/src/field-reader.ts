/**
 * Reads what a person wrote (a fleet, a mix of work) field by field. A wrong one is named with its path and with what is allowed, and
 * the reading goes on, so that all problems come at once. The path leads whoever parsed the text to the line.
 */
import { type Distribution, meanOf, parseDistribution, scaledDistribution, SIGMA_MAX } from "./random.ts";

export type FieldPath = readonly (string | number)[];

export interface FieldProblem {
  path: FieldPath;
  /** What is wrong and what is allowed, to be put behind the field's name. */
  problem: string;
}

export type FieldsRead<T> = { ok: true; value: T } | { ok: false; problems: FieldProblem[] };

/** `read` is given the fields of `value`; fields that it did not ask for are problems too. */
export function readFields<T>(value: unknown, read: (fields: FieldReader) => T): FieldsRead<T> {
  const problems: FieldProblem[] = [];
  const result = FieldReader.over({ value, path: [], problems }, read);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: result };
}

interface Read {
  value: unknown;
  path: FieldPath;
  problems: FieldProblem[];
}

export interface NumberRange {
  low: number;
  high: number;
  whole?: boolean;
}

export interface DistributionRange {
  high: number;
  factor?: number;
  standard?: Distribution;
}

/** Every method with a `standard` takes an absent field for it; without one the field must be there. */
export class FieldReader {
  private readonly fields: Readonly<Record<string, unknown>>;
  private readonly path: FieldPath;
  private readonly problems: FieldProblem[];
  private readonly asked = new Set<string>();

  private constructor(fields: Readonly<Record<string, unknown>>, { path, problems }: Read) {
    this.fields = fields;
    this.path = path;
    this.problems = problems;
  }

  static over<T>(from: Read, read: (fields: FieldReader) => T): T {
    const isMap = typeof from.value === "object" && from.value !== null && !Array.isArray(from.value);
    if (!isMap) from.problems.push({ path: from.path, problem: "must be a map of fields" });
    // Read on with nothing, quietly: a result of the right shape is wanted, and the one problem has been named.
    const reader = new FieldReader(isMap ? (from.value as Record<string, unknown>) : {}, {
      ...from,
      problems: isMap ? from.problems : [],
    });
    const result = read(reader);
    reader.nameUnknown();
    return result;
  }

  /** Whether the field is there. */
  has(name: string): boolean {
    this.asked.add(name);
    return this.fields[name] !== undefined && this.fields[name] !== null;
  }

  text(name: string, { standard, like, allowed }: { standard?: string; like?: RegExp; allowed?: string } = {}): string {
    return this.take(name, standard, allowed ?? "must be a text", (value) =>
      typeof value === "string" && value !== "" && (like?.test(value) ?? true) ? value : undefined,
    );
  }

  number(name: string, { low, high, whole = false }: NumberRange, standard?: number): number {
    const allowed = `must be a ${whole ? "whole " : ""}number from ${low} to ${high}`;
    return this.take(name, standard, allowed, (value) => {
      const isNumber = typeof value === "number" && value >= low && value <= high;
      return isNumber && (!whole || Number.isInteger(value)) ? value : undefined;
    });
  }

  oneOf<K extends string>(name: string, choices: readonly K[], standard?: K): K {
    const find = (value: unknown) => choices.find((choice) => choice === value);
    return this.take(name, standard, `must be one of ${choices.join(", ")}`, find);
  }

  /** A name of one of `things`. */
  named<T>(name: string, things: readonly T[], nameOf: (thing: T) => string, standard?: T): T {
    const find = (value: unknown) => things.find((thing) => nameOf(thing) === value);
    return this.take(name, standard, `must be one of ${things.map(nameOf).join(", ")}`, find);
  }

  /** `250`, `exp:250` or `lognormal:250,0.8`, times `factor` to come from the file's unit to the caller's. `high`: of the mean, in the file's unit. */
  distribution(name: string, { high, factor = 1, standard }: DistributionRange): Distribution {
    const allowed = `must be a number of 0 or more, or exp:MEAN, or lognormal:MEDIAN,SIGMA with SIGMA up to ${SIGMA_MAX}; the mean may be up to ${high}`;
    return this.take(name, standard, allowed, (value) => {
      const isReadable = typeof value === "number" || typeof value === "string";
      const distribution = isReadable ? parseDistribution(String(value)) : undefined;
      return distribution && meanOf(distribution) <= high ? scaledDistribution(distribution, factor) : undefined;
    });
  }

  map<T>(name: string, read: (fields: FieldReader) => T): T {
    const value = this.has(name) ? this.fields[name] : undefined;
    if (value === undefined) this.say(name, "is missing");
    const problems = value === undefined ? [] : this.problems;
    return FieldReader.over({ value: value ?? {}, path: [...this.path, name], problems }, read);
  }

  optionalMap<T>(name: string, read: (fields: FieldReader) => T): T | undefined {
    return this.has(name) ? this.map(name, read) : undefined;
  }

  list<T>(name: string, read: (fields: FieldReader) => T): T[] {
    const value = this.has(name) ? this.fields[name] : undefined;
    if (!Array.isArray(value) || value.length === 0) {
      this.say(name, value === undefined ? "is missing" : "must be a list of one or more");
      return [];
    }
    const { problems } = this;
    return value.map((item: unknown, index) =>
      FieldReader.over({ value: item, path: [...this.path, name, index], problems }, read),
    );
  }

  /** Names of the fields, for a map whose keys are the writer's own. */
  get names(): string[] {
    return Object.keys(this.fields);
  }

  say(name: string, problem: string): void {
    this.problems.push({ path: [...this.path, name], problem });
  }

  private take<T>(name: string, standard: T | undefined, allowed: string, accept: (value: unknown) => T | undefined): T {
    const isThere = this.has(name);
    if (!isThere && standard !== undefined) return standard;
    const accepted = isThere ? accept(this.fields[name]) : undefined;
    if (accepted !== undefined) return accepted;
    this.say(name, isThere ? `${written(this.fields[name])}: ${allowed}` : `is missing: ${allowed}`);
    // Never seen by the caller, who gets the problems in place of the value.
    return standard as T;
  }

  private nameUnknown(): void {
    const known = [...this.asked];
    for (const name of this.names.filter((each) => !this.asked.has(each))) {
      this.say(name, `unknown field; there are ${known.join(", ")}`);
    }
  }
}

function written(value: unknown): string {
  return typeof value === "object" ? (Array.isArray(value) ? "a list" : "a map") : `'${String(value)}'`;
}
