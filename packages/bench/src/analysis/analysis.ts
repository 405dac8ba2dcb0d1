/** The written analysis: from result files alone, so that the same files give the same text. Pure. */
import { distributionSection, fleetSection } from "./fleet-section.ts";
import { gpuSection } from "./gpu-section.ts";
import { hubSection } from "./hub-section.ts";
import { beamSection, limitsSection } from "./method-sections.ts";
import { networkSections } from "./network-sections.ts";
import { RESULT_FILES, type ResultFolder } from "./result-folder.ts";

/** `from`: the folder, as the reader is to name it. */
export function renderAnalysis(folder: ResultFolder, from: string): string {
  const { notes } = folder;
  const body = [
    ...shortAnswer(folder),
    ...networkSections(folder),
    ...hubSection(folder),
    ...gpuSection(folder),
    ...fleetSection(folder),
    ...distributionSection(folder),
    ...beamSection(folder),
    ...limitsSection(folder),
  ];
  const files = Object.entries(RESULT_FILES).map(([kind, { file: name, command }]) => {
    const file = folder[kind as keyof typeof RESULT_FILES];
    return `- \`${name}\`: ${file ? (made(file.value) ?? "there") : `not there (\`${command}\`)`}`;
  });
  return [
    "# Scaling analysis",
    "",
    `Written by \`pnpm bench analysis ${from} --out docs/scaling-analysis.md\` from the result files in \`${from}\`; do not edit it. Each figure has a footnote that names the file and the field that it is from, or its source; [low, high] is a 95 % interval.`,
    "",
    ...files,
    "",
    ...body,
    "## Footnotes",
    "",
    ...notes.lines(),
    "",
  ].join("\n");
}

/** When and from which code, as far as the file says. */
function made(value: object): string | undefined {
  const { startedAt, effort, environment } = value as { startedAt?: string; effort?: string; environment?: Environment };
  const commit = environment?.commit?.hash?.slice(0, 7);
  const parts = [startedAt?.slice(0, 10), effort && `effort ${effort}`, commit && `commit ${commit}`].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : undefined;
}

interface Environment {
  commit?: { hash?: string };
}

function shortAnswer({ compare, fleet }: ResultFolder): string[] {
  const decision = fleet?.value.decision;
  const lines = [
    ...(compare ? [`- The hub: ${compare.text("decision.verdict")}`] : []),
    ...(fleet && decision
      ? [
          `- The fleet \`${fleet.value.input.fleet.name}\`: ${fleet.text("decision.verdict.sentence")}`,
          `- What binds it now: ${fleet.text("decision.bindsNow.sentence")}`,
        ]
      : []),
  ];
  return lines.length > 0 ? ["## In short", "", ...lines, ""] : [];
}
