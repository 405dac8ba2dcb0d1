/** The what-if as one script for the page: the fleet model's own compiled code, nothing written twice. */
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

/** Throws when the compiled page is not there, which only a broken build can cause. */
export function whatIfScript(): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL("../page/what-if-main.js", import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
  });
  const script = outputFiles[0]?.text ?? "";
  // The text stands inside a script element, which this would end.
  return script.replaceAll("</script", "<\\/script");
}
