import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";

/** What of a file is not as its schema wants it, one line each: where (`at` gives file and line), which field, what is wrong. */
export function schemaProblems(schema: TSchema, value: unknown, at: (path: string[]) => string): string[] {
  const problems: string[] = [];
  for (const issue of Compile(schema).Errors(value)) {
    const path = issue.instancePath.split("/").slice(1);
    if (issue.keyword === "required") {
      for (const name of issue.params.requiredProperties)
        problems.push(`${at(path)}: ${[...path, name].join(".")}: is missing`);
    } else if (issue.keyword === "additionalProperties") {
      for (const name of issue.params.additionalProperties) {
        problems.push(`${at([...path, name])}: ${[...path, name].join(".")}: unknown field`);
      }
    } else if (issue.keyword === "enum") {
      problems.push(`${at(path)}: ${path.join(".")}: must be one of ${issue.params.allowedValues.join(", ")}`);
    } else if (issue.keyword !== "boolean") {
      // "boolean" only repeats an unknown field, which additionalProperties has named.
      problems.push(`${at(path)}: ${path.join(".") || "the file"}: ${issue.message}`);
    }
  }
  return problems;
}
