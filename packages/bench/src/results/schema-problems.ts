import type { TSchema } from "typebox";
import { Errors } from "typebox/value";

/**
 * What of a value is not as its schema wants it, one line each: where (`at` gives file and line), which field, what is allowed.
 * Checked without compiling: a file is read once, and compiling a large schema takes longer than reading it.
 */
export function schemaProblems(schema: TSchema, value: unknown, at: (path: string[]) => string): string[] {
  const byPlace = new Map<string, string[]>();
  const say = (path: readonly string[], problem: string) => {
    const name = path.join(".") || "the file";
    const said = byPlace.get(name);
    if (!said) byPlace.set(name, [`${at([...path])}: ${name}: `, problem]);
    else if (!said.includes(problem)) said.push(problem);
  };
  for (const issue of Errors(schema, value)) {
    const path = issue.instancePath.split("/").slice(1).map(unescaped);
    switch (issue.keyword) {
      case "required":
        for (const name of issue.params.requiredProperties) say([...path, name], "is missing");
        break;
      case "additionalProperties":
        for (const name of issue.params.additionalProperties) say([...path, name], "unknown field");
        break;
      case "anyOf":
      // The branches have said it.
      case "boolean":
        // Repeats an unknown field.
        break;
      default:
        say(path, allowedBy(issue));
    }
  }
  const found = [...byPlace.values()].map(([place, ...problems]) => `${place}${problems.join(", or ")}`);
  return found;
}

type Issue = ReturnType<typeof Errors>[number];

function allowedBy(issue: Issue): string {
  switch (issue.keyword) {
    case "enum":
      return `must be one of ${issue.params.allowedValues.join(", ")}`;
    case "const":
      return `must be ${JSON.stringify(issue.params.allowedValue)}`;
    case "type":
      return `must be ${TYPE_WORDS[String(issue.params.type)] ?? String(issue.params.type)}`;
    case "minimum":
    case "maximum":
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      return `must be ${issue.params.comparison} ${issue.params.limit}`;
    default:
      return issue.message;
  }
}

const TYPE_WORDS: Record<string, string> = {
  object: "a map of fields",
  array: "a list",
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
};

/** Of a JSON pointer (RFC 6901). */
function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
