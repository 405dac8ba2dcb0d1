/** A YAML file whose mistakes can be named with their line. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FieldPath, FieldProblem } from "@hubscale/fleet-model";
import { readInputText } from "@hubscale/hub-runtime/files";
import { CST, type Document, isMap, isSeq, Lexer, LineCounter, parseDocument, type YAMLError } from "yaml";

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
  const read = readInputText(file, `the ${what}`, YAML_BYTES_MAX);
  if (!read.ok) return { ok: false, problems: [read.problem] };
  const deepLine = lineTooDeep(read.text);
  if (deepLine !== undefined) return { ok: false, problems: [`${nameOrFile}:${deepLine}: ${TOO_DEEP}`] };
  const lines = new LineCounter();
  try {
    // Not the library's own pretty errors: they are of several lines.
    const document = parseDocument(read.text, { lineCounter: lines, prettyErrors: false });
    if (document.errors.length > 0) {
      const problemOf = ({ message, pos }: YAMLError) => `${nameOrFile}:${lines.linePos(pos[0]).line}: ${oneLine(message)}`;
      return { ok: false, problems: document.errors.slice(0, PROBLEMS_NAMED).map(problemOf) };
    }
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    if (isDeeperThan(DEPTH_MAX, value)) return { ok: false, problems: [`${nameOrFile}: ${TOO_DEEP}`] };
    const at = (path: FieldPath) => `${nameOrFile}:${lineOf(document, path, lines)}`;
    return { ok: true, yaml: { name: nameOrFile, file, value, at } };
  } catch (error) {
    // How the library refuses aliases that multiply.
    if (!(error instanceof ReferenceError)) throw error;
    const problem = `${oneLine(error.message)}; write out what its aliases (*name) stand for, or use at most ${ALIASES_MAX}`;
    return { ok: false, problems: [`${nameOrFile}: ${problem}`] };
  }
}

/** Some ten thousand hosts, and as much as the parser reads in seconds. */
const YAML_BYTES_MAX = 2 ** 20;
/** What is read here is seven levels deep. */
const DEPTH_MAX = 50;
const TOO_DEEP = `nested more than ${DEPTH_MAX} levels deep`;
/** Nodes that all aliases of a file may come to: of the library, against files of a kilobyte that fill the memory. */
const ALIASES_MAX = 100;
/** A file that is no YAML has errors without number. */
const PROBLEMS_NAMED = 5;

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** Before the parser sees it, which recurses, and takes time in the square of the depth. Undefined: nowhere. */
function lineTooDeep(text: string): number | undefined {
  let [line, flow, block] = [1, 0, 0];
  let isContent = false;
  for (const token of new Lexer().lex(text)) {
    const type: CST.TokenType | null = isContent ? null : CST.tokenType(token);
    // The token after it is a scalar's own text, whatever it looks like.
    isContent = type === "scalar";
    switch (type) {
      case "newline":
        line++;
        block = 0;
        break;
      case "flow-map-start":
      case "flow-seq-start":
        flow++;
        break;
      case "flow-map-end":
      case "flow-seq-end":
        flow--;
        break;
      case "seq-item-ind":
      case "explicit-key-ind":
        block++;
        break;
      case "space":
        // Of a line's beginning: a level of blocks is indented by one space at least.
        if (block === 0 && token.length > DEPTH_MAX * INDENT_MAX) return line;
    }
    if (flow + block > DEPTH_MAX) return line;
  }
  return undefined;
}

/** Spaces for a level. */
const INDENT_MAX = 8;

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => isDeeperThan(levels - 1, part));
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
