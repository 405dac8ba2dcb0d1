/** The pages of docs/ name files of the source and each other: what they name must be there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const docs = fileURLToPath(new URL("../docs", import.meta.url));
const packages = fileURLToPath(new URL("../packages", import.meta.url));

it("docs/differences.md points to files that exist", () => {
  const page = readFileSync(join(docs, "differences.md"), "utf8");
  const named = [...page.matchAll(/`([\w/.-]+\.ts)`/g)].map(([, path]) => path as string);
  const missing = named.filter(
    (path) => ![path, join("hub-single/src", path), join("..", path)].some((at) => existsSync(join(packages, at))),
  );
  expect(missing).toEqual([]);
  expect(named.length).toBeGreaterThan(20);
});

it("links between the pages lead somewhere", () => {
  const pages = readdirSync(docs, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));
  const broken = pages.flatMap((page) => {
    const links = [...readFileSync(join(docs, page), "utf8").matchAll(/\]\(([^)#:]+\.md)(?:#[^)]*)?\)/g)].map(
      ([, to]) => to as string,
    );
    return links.filter((to) => !existsSync(join(docs, dirname(page), to))).map((to) => `${page} links to ${to}`);
  });
  expect(broken).toEqual([]);
});
