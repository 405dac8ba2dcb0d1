/** Question 4: agents that share a GPU. */
import { PAYS_AT_LEAST } from "@hubscale/fleet-model";
import { estimate, number, percent } from "../page/figures-in-words.ts";
import { missing, table } from "./footnotes.ts";
import { RESULT_FILES, type ResultFolder } from "./result-folder.ts";

export function gpuSection(folder: ResultFolder): string[] {
  return ["## 4. Agents behind one GPU", "", ...onStubs(folder), ...byMachine(folder)];
}

function onStubs({ gpu }: ResultFolder): string[] {
  if (!gpu) return missing("One GPU under several agents", RESULT_FILES.gpu.command);
  const { cases, round, sizes } = gpu.value;
  const parallels = [...new Set(cases.map(({ numParallel }) => numParallel))].toSorted((a, b) => a - b);
  const most = Math.max(...cases.map(({ agents }) => agents));
  const at = (numParallel: number, agents: number) =>
    cases.findIndex((one) => one.numParallel === numParallel && one.agents === agents);
  const ends = parallels.flatMap((numParallel) => {
    const index = at(numParallel, most);
    return index < 0 ? [] : [`${gpu.estimate(`cases[${index}].measured.tasksPerHour`)} with NUM_PARALLEL ${numParallel}`];
  });
  const worst = cases
    .map(({ difference }, index) => ({ off: Math.abs(difference.tasksPerHour), index }))
    .toSorted((a, b) => b.off - a.off)[0];
  return [
    `${gpu.text("model")} on ${gpu.text("gpu")}, a stub with the scheduler's rules over real HTTP; ${number(round.promptTokens)} prompt tokens, ${number(round.outputTokens)} output tokens and ${number(round.thinkMs / 1_000)} s between requests on average${gpu.mark("round")}, ${sizes} sizes${gpu.mark("sizes")}. How fast the card is is a parameter, not measured.`,
    "",
    ...table(
      ["NUM_PARALLEL", "agents", "tasks/h", "closed form", "wait for a slot, s"],
      cases.map(({ numParallel, agents, measured, solved }, index) => [
        `${numParallel}${gpu.mark(`cases[${index}].measured.tasksPerHour`, `cases[${index}].solved.tasksPerHour`, `cases[${index}].measured.queueWaitSec`)}`,
        String(agents),
        estimate(measured.tasksPerHour),
        number(solved.tasksPerHour),
        estimate(measured.queueWaitSec),
      ]),
    ),
    ...(ends.length > 0 ? [`${most} agents get ${ends.join(", and ")} done.`] : []),
    ...parallels.flatMap((numParallel) => {
      const curve = cases
        .map(({ numParallel: its, agents, measured }, index) => ({ numParallel: its, agents, measured, index }))
        .filter((one) => one.numParallel === numParallel)
        .toSorted((a, b) => a.agents - b.agents);
      const first = curve[0];
      const flat = curve.find((one, index) => {
        const before = curve[index - 1];
        if (!before || !first) return false;
        const gain = (one.measured.tasksPerHour.value - before.measured.tasksPerHour.value) / (one.agents - before.agents);
        return gain < (PAYS_AT_LEAST * first.measured.tasksPerHour.value) / first.agents;
      });
      const before = flat && curve[curve.indexOf(flat) - 1];
      return flat && before
        ? [
            `With NUM_PARALLEL ${numParallel}, each agent between ${before.agents} and ${flat.agents} brings less than ${percent(PAYS_AT_LEAST)} of what the first does${gpu.mark(`cases[${before.index}].measured.tasksPerHour`, `cases[${flat.index}].measured.tasksPerHour`)}.`,
          ]
        : [`With NUM_PARALLEL ${numParallel}, more agents paid up to the ${curve.at(-1)?.agents ?? 0} that were tried.`];
    }),
    ...(worst
      ? [
          `The closed form was at most ${percent(worst.off)} off in tasks an hour${gpu.mark(`cases[${worst.index}].difference.tasksPerHour`)}.`,
        ]
      : []),
    "",
  ];
}

const SHOWN = [1, 4, 8, 16];

function byMachine({ fleet }: ResultFolder): string[] {
  const head = ["### On the fleet's own machines", ""];
  if (!fleet) return [...head, ...missing("The fleet's GPU machines", RESULT_FILES.fleet.command)];
  const rows = fleet.value.agentsPerGpu;
  if (rows.length === 0) return [...head, "The fleet has no machine with a GPU.", ""];
  const spilled = rows.filter(({ onCard }) => onCard < 1);
  return [
    ...head,
    "Standard tasks only, one machine, in closed form.",
    "",
    ...table(
      [
        "machine",
        "model",
        "NUM_PARALLEL",
        "on the card",
        ...SHOWN.map((count) => `${count} agents, tasks/h`),
        "stops paying at",
      ],
      rows.flatMap(({ host, model, numParallel, onCard, tasksPerHour, stopsPayingAt }, index) => [
        [
          `${host}${fleet.mark(`agentsPerGpu[${index}].tasksPerHour`, `agentsPerGpu[${index}].onCard`, `agentsPerGpu[${index}].stopsPayingAt`)}`,
          model,
          String(numParallel),
          percent(onCard),
          ...SHOWN.map((count) => number(tasksPerHour[count - 1] ?? Number.NaN)),
          stopsPayingAt === null ? `beyond ${tasksPerHour.length}` : `agent ${stopsPayingAt}`,
        ],
      ]),
    ),
    `An agent stops paying where it brings less than ${percent(PAYS_AT_LEAST)} of what the first does. ${spilled.length > 0 ? `Where less than all is on the card, the CPU does the rest, many times slower: ${spilled.map(({ host, numParallel }) => `${host} at NUM_PARALLEL ${numParallel}`).join(", ")}.` : "In all of these cases weights and contexts fit on the card."}`,
    "",
  ];
}
