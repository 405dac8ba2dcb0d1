import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** Bytes of the young generation after much that lives for a while, in a Node of its own: the flags are for a whole process. */
function youngGeneration(before: string): number {
  const program = `
    import { getHeapSpaceStatistics } from "node:v8";
    ${before}
    let kept = [];
    for (let i = 0; i < 1_000_000; i++) {
      kept.push({ i, held: [i] });
      if (kept.length > 50_000) kept = kept.slice(25_000);
    }
    console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size);`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" }));
}

test("the young generation stays small, where it would grow", () => {
  const module = new URL("../dist/small-heap.js", import.meta.url);
  const small = youngGeneration(`(await import(${JSON.stringify(fileURLToPath(module))})).keepHeapSmall();`);
  expect(small).toBeLessThan(youngGeneration("") / 4);
});
