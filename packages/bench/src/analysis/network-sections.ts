/** Questions 1 and 2: where data flows, what a task moves, and what a line carries. */
import { LINES_MBIT } from "../bytes/uplink-table.ts";
import { number } from "../page/figures-in-words.ts";
import { missing, table } from "./footnotes.ts";
import { RESULT_FILES, type ResultFolder } from "./result-folder.ts";

const SEGMENTS = [
  { key: "hub", name: "hub" },
  { key: "ollama", name: "Ollama endpoint" },
  { key: "api", name: "Claude API" },
] as const;

export function networkSections({ bytes, notes }: ResultFolder): string[] {
  const paths = [
    "## 1. Where data flows, and which segment feels the line",
    "",
    "    submitter ──task──▶ hub ──assignment──▶ sidecar of an agent ──prompt──▶ Ollama endpoint (in the site, or elsewhere over the mesh)",
    "                         ▲                     │    │",
    "                         └──progress, result───┘    └──whole conversation, each step──▶ Claude API (past the mesh)",
    "",
    `A sidecar speaks over three segments. The API keeps no conversation, so each step sends all of it again${notes.mark("Messages API: the request carries all messages; its prompt cache saves computing, not bytes (docs.claude.com, prompt caching)")}; an endpoint streams token by token; the hub hears progress frames and results.`,
    "",
  ];
  if (!bytes) return [...paths, ...missing("What a task moves", RESULT_FILES.bytes.command)];
  const { count, lines } = bytes.value;
  const flows = count.tiers.flatMap((tier, index) =>
    SEGMENTS.flatMap(({ key, name }) =>
      (["up", "down"] as const).map((way) => ({
        sentence: `${way === "up" ? "to" : "from"} the ${name} in a ${tier.tier} task`,
        bytes: tier[key][way].bytes,
        path: `count.tiers[${index}].${key}.${way}.bytes`,
      })),
    ),
  );
  const [most, second] = flows.toSorted((a, b) => b.bytes - a.bytes);
  const ways = (index: number, key: string) => ["up", "down"].map((way) => `count.tiers[${index}].${key}.${way}.bytes`);
  const rows = count.tiers.flatMap((tier, index) => [
    [
      `${tier.tier}${bytes.mark(...SEGMENTS.flatMap(({ key }) => ways(index, key)), `count.tiers[${index}].workSec`)}`,
      ...SEGMENTS.flatMap(({ key }) => [sized(tier[key].up.bytes), sized(tier[key].down.bytes)]),
      `${number(tier.workSec)} s`,
    ],
  ]);
  const inSite = lines.findIndex(({ tier, layout }) => tier === "mix" && layout === "GPU in the site, mesh");
  const elsewhere = lines.findIndex(({ tier, layout }) => tier === "mix" && layout === "GPU elsewhere, mesh");
  const heaviest = lines
    .map((line, index) => ({ line, index }))
    .filter(({ line }) => line.layout === "GPU in the site, mesh" && line.tier !== "mix")
    .toSorted((a, b) => larger(b.line.bitsPerSec) - larger(a.line.bitsPerSec))[0];
  return [
    ...paths,
    ...(most && second
      ? [
          `**The segment that feels the line** is what goes ${most.sentence}: ${bytes.number(most.path, sized)}, ${second.bytes > 0 ? `${number(most.bytes / second.bytes)} times the next largest flow (${second.sentence}: ${bytes.number(second.path, sized)})` : "and nothing else moves anything"}.`,
          "",
        ]
      : []),
    `Bytes of one task, as the sockets count them (HTTP and WebSocket heads included, TCP and below not), with stubs at ${bytes.number("timeScale")} times the pace of life${bytes.value.timeScale > LIFELIKE ? "; at more than 2 the progress frames to the hub come out larger and fewer than in life" : ""}:`,
    "",
    ...table(["tier", "→ hub", "← hub", "→ Ollama", "← Ollama", "→ API", "← API", "work, without tools"], rows),
    `An agent that does nothing sends ${bytes.number("count.idle.up.bytes", perHour)} and hears ${bytes.number("count.idle.down.bytes", perHour)}.`,
    "",
    "## 2. What a task costs on the network, and how many agents a line carries",
    "",
    "Agents that always work, on a line with the same rate both ways, filled to the last bit on the average; IP, TCP and, where named, the mesh are counted. Leave half of it free: bodies come in bursts.",
    "",
    ...table(
      ["work", "line carries", "kbit/s up", "kbit/s down", "full first", ...LINES_MBIT.map((mbit) => `${mbit} Mbit/s`)],
      lines.flatMap(({ tier, layout, bitsPerSec, bound, agents }, index) =>
        layout.endsWith("no mesh")
          ? []
          : [
              [
                `${tier}${bytes.mark(`lines[${index}].bitsPerSec`, `lines[${index}].bound`, `lines[${index}].agents`)}`,
                layout,
                number(bitsPerSec.up / 1_000),
                number(bitsPerSec.down / 1_000),
                bound,
                ...agents.map((each) => Math.floor(each).toLocaleString("en")),
              ],
            ],
      ),
    ),
    ...(heaviest
      ? [
          `With the GPU in the site, a ${heaviest.line.tier} agent needs the most of a line: ${bytes.number(`lines[${heaviest.index}].bitsPerSec.${heaviest.line.bound}`, kbit)} ${heaviest.line.bound}. A line of ${LINES_MBIT[0]} Mbit/s is full at ${bytes.number(`lines[${heaviest.index}].agents[0]`, (agents) => String(Math.floor(agents)))} of them.`,
        ]
      : []),
    ...(inSite >= 0 && elsewhere >= 0
      ? [
          `For a mix of one task of each tier, moving the GPU out of the site takes ${LINES_MBIT[0]} Mbit/s from ${bytes.number(`lines[${inSite}].agents[0]`, (agents) => String(Math.floor(agents)))} agents to ${bytes.number(`lines[${elsewhere}].agents[0]`, (agents) => String(Math.floor(agents)))}.`,
        ]
      : []),
    "",
  ];
}

/** Up to here the windows of progress frames are as in life. */
const LIFELIKE = 2;

const larger = ({ up, down }: { up: number; down: number }) => Math.max(up, down);
const kbit = (bits: number) => `${number(bits / 1_000)} kbit/s`;
const perHour = (bytesPerSec: number) => `${sized(bytesPerSec * 3_600)} an hour`;

function sized(bytes: number): string {
  if (bytes >= 1e6) return `${number(bytes / 1e6)} MB`;
  if (bytes >= 1e3) return `${number(bytes / 1e3)} kB`;
  return bytes > 0 ? `${number(bytes)} B` : "–";
}
