import { type Fleet, readFleet } from "@hubscale/fleet-model";
import { problemLines, readYaml } from "./yaml-file.ts";

export type LoadedFleet = { ok: true; fleet: Fleet; file: string } | { ok: false; problems: string[] };

/** Reads a fleet by its name (one that is shipped) or by the path of a YAML file; names every wrong field with its line. */
export function loadFleet(nameOrFile: string): LoadedFleet {
  const read = readYaml(nameOrFile, { folder: "fleets", what: "fleet" });
  if (!read.ok) return read;
  const { yaml } = read;
  const fleet = readFleet(yaml.value);
  if (!fleet.ok) return { ok: false, problems: problemLines(yaml, fleet.problems) };
  return { ok: true, fleet: fleet.value, file: yaml.file };
}
