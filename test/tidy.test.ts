/** The rules of the house that no other tool checks. Each names the file and, where it can, the line. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** From the bottom up: a package imports only those before it. */
const PACKAGES = ["protocol", "hub-core", "fleet-model", "hub-runtime", "hub-single", "hub-sharded", "sidecar-sim", "bench"];
const NPM_NAMES = new Map(PACKAGES.map((name) => [name === "bench" ? "hubscale" : `@hubscale/${name}`, name]));
/** These two are siblings: neither knows the other, nor the simulated sidecars. */
const SIBLINGS = new Set(["hub-single", "hub-sharded", "sidecar-sim"]);

/** A file above this is two files. */
const MAX_LINES = 400;

interface SourceFile {
  path: string;
  /** Folder below packages/, or undefined for the tests. */
  package: string | undefined;
  isTest: boolean;
  lines: string[];
}

const sources: SourceFile[] = ["packages", "test"].flatMap((folder) => filesBelow(join(root, folder))).map(read);
const products = sources.filter((file) => !file.isTest);

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (["node_modules", "dist"].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return /\.(ts|mjs)$/.test(entry.name) ? [path] : [];
  });
}

function read(path: string): SourceFile {
  const name = relative(root, path);
  return {
    path: name,
    package: /^packages\/([^/]+)\//.exec(name)?.[1],
    isTest: name.startsWith("test/") || name.endsWith(".test.ts"),
    lines: readFileSync(path, "utf8").split("\n"),
  };
}

/** `path:line text` for each line that matches; comments are left out where only code counts. */
function findings(files: readonly SourceFile[], pattern: RegExp, { inComments = false } = {}): string[] {
  return files.flatMap((file) =>
    file.lines.flatMap((line, index) => {
      const text = inComments ? line : codeOf(line);
      return pattern.test(text) ? [`${file.path}:${index + 1} ${line.trim()}`] : [];
    }),
  );
}

/** The line without its comment; good enough for code that keeps `//` out of its strings, as URLs are written with a scheme. */
function codeOf(line: string): string {
  if (/^\s*(\*|\/\*)/.test(line)) return "";
  return line.replace(/(^|[^:"'`])\/\/.*$/, "$1");
}

const importsOf = (file: SourceFile) =>
  file.lines.flatMap((line) => /(?:from|import)\s*\(?\s*"([^"]+)"/.exec(codeOf(line))?.[1] ?? []);

describe("the packages", () => {
  it("are those of the design", () => {
    expect(readdirSync(join(root, "packages")).filter((name) => !PACKAGES.includes(name))).toEqual([]);
  });

  it("import only up the list", () => {
    const wrong = products.flatMap((file) =>
      importsOf(file).flatMap((specifier) => {
        const target = NPM_NAMES.get(
          specifier
            .split("/")
            .slice(0, specifier.startsWith("@") ? 2 : 1)
            .join("/"),
        );
        if (target === undefined || file.package === undefined) return [];
        const up = PACKAGES.indexOf(target) < PACKAGES.indexOf(file.package);
        const sibling = SIBLINGS.has(target) && SIBLINGS.has(file.package);
        return up && !sibling ? [] : [`${file.path} imports ${specifier}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it("enter each other by the front door", () => {
    const wrong = products.flatMap((file) =>
      importsOf(file)
        .filter((specifier) => specifier.startsWith(".") && leavesPackage(file.path, specifier))
        .map((specifier) => `${file.path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it.each(["protocol", "hub-core", "fleet-model"])("%s is pure: no I/O, no clock, no chance, no timers", (name) => {
    const files = products.filter((file) => file.package === name);
    const impure = /from "node:|\bDate\b|Math\.random|\bset(Timeout|Interval|Immediate)\b|\bprocess\.|\bcrypto\b|\bfetch\(/;
    expect(findings(files, impure)).toEqual([]);
  });
});

function leavesPackage(path: string, specifier: string): boolean {
  const target = join(path, "..", specifier);
  return target.split("/").slice(0, 3).join("/") !== path.split("/").slice(0, 3).join("/") && target.includes("/src/");
}

describe("the code", () => {
  it(`has no file over ${MAX_LINES} lines`, () => {
    expect(sources.filter((file) => file.lines.length > MAX_LINES).map((file) => `${file.path}: ${file.lines.length}`)).toEqual(
      [],
    );
  });

  it("leaves nothing for later", () => {
    // Written so that this line is none itself.
    expect(findings(sources, /\b(TO[D]O|FIX[M]E|X{3}|HA[C]K)\b/, { inComments: true })).toEqual([]);
  });

  it("swallows no error", () => {
    const empty = sources.filter((file) => /catch\s*(\([^)]*\))?\s*\{\s*\}/.test(file.lines.map(codeOf).join("\n")));
    expect(empty.map((file) => file.path)).toEqual([]);
  });

  it("runs all of its tests", () => {
    const partial = /\b(describe|it|test)\.(only|skip|todo|fails)\b|\b[xf](describe|it)\(/;
    expect(findings(sources.filter(notThisFile), partial)).toEqual([]);
  });

  it("reads the environment only in the composition roots", () => {
    const below = products.filter((file) => !/(-cli|-?main)\.ts$/.test(basename(file.path)));
    expect(findings(below, /\bprocess\.env\b/)).toEqual([]);
  });

  it("names its folders and files after things of the domain", () => {
    const vague = /\/(utils?|helpers?|types|managers?|common|misc)(\/|\.ts$)/;
    expect(sources.map((file) => file.path).filter((path) => vague.test(path))).toEqual([]);
  });

  it("binds no server to all addresses", () => {
    expect(findings(products, /"0\.0\.0\.0"|"::"/)).toEqual([]);
  });
});

const notThisFile = (file: SourceFile) => file.path !== "test/tidy.test.ts";
