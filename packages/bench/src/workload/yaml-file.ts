/** A YAML file whose mistakes can be named with their line. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FieldPath, FieldProblem } from "@hubscale/fleet-model";
import { type Document, isMap, isSeq, LineCounter, parseDocument } from "yaml";

export interface YamlFile {
  /** As the caller named it. */
  name: string;
  file: string;
  value: unknown;
  /** `name:line` of a field, or of the nearest around it that is there. */
  at(path: FieldPath): string;
}

export type YamlRead = { ok: true; yaml: YamlFile } | { ok: false; problems: string[] };

/** By the name of one that is shipped in `folder` (of this package), or by path. `what` is named when it cannot be read. */
export function readYaml(nameOrFile: string, { folder, what }: { folder: string; what: string }): YamlRead {
  const shipped = fileURLToPath(new URL(`../../${folder}/${nameOrFile}.yaml`, import.meta.url));
  const file = /^[\w-]+$/.test(nameOrFile) && existsSync(shipped) ? shipped : nameOrFile;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return { ok: false, problems: [`cannot read the ${what} '${nameOrFile}': ${(error as Error).message}`] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) return { ok: false, problems: document.errors.map((e) => `${nameOrFile}: ${e.message}`) };
  const at = (path: FieldPath) => `${nameOrFile}:${lineOf(document, path, lines)}`;
  return { ok: true, yaml: { name: nameOrFile, file, value: document.toJS() as unknown, at } };
}

/** One line each: where, which field, what is wrong. `within`: the path of the part that was read. */
export function problemLines(yaml: YamlFile, problems: readonly FieldProblem[], within: FieldPath = []): string[] {
  return problems.map(({ path, problem }) => {
    const whole = [...within, ...path];
    return `${yaml.at(whole)}: ${whole.join(".") || "the file"}: ${problem}`;
  });
}

function lineOf(document: Document, path: FieldPath, lines: LineCounter): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const key = path[depth - 1];
    const range = isMap(parent)
      ? rangeOf(parent.items.find((item) => String(item.key) === key)?.key)
      : isSeq(parent)
        ? rangeOf(parent.items[Number(key)])
        : undefined;
    if (range) return lines.linePos(range[0]).line;
  }
  return 1;
}

function rangeOf(node: unknown): [number, number, number] | undefined {
  return (node as { range?: [number, number, number] } | undefined)?.range;
}
