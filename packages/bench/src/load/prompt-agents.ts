/** Agents that answer a task at once and do nothing else, so that all cost is the hub's and the wire's. */
import type { ProcessCare } from "../machine/index.ts";
import { GeneratorProcess } from "./generator-process.ts";

export interface PromptAgents {
  hub: { ws: readonly string[]; http: readonly string[] };
  care: ProcessCare;
  agents: number;
  httpConnections: number;
  /** Length of what a completion says. */
  outputChars: number;
  seed: number;
  tell(line: string): void;
}

/** A generator of its own process, its agents connected; ends with `care` at the latest. */
export async function connectPromptAgents(options: PromptAgents): Promise<GeneratorProcess> {
  const { agents, care, httpConnections, hub, outputChars, seed, tell } = options;
  const load = new GeneratorProcess({ phase: () => undefined, note: tell });
  care.atEnd(() => load.kill());
  await load.connect({
    ws: [...hub.ws],
    http: [...hub.http],
    agents,
    seed,
    behaviour: { workTime: { kind: "constant", ms: 0 }, progress: null, failure: { share: 0, as: "failed" }, outputChars },
    timeScale: 1,
    prefix: `agent-${seed}`,
    httpConnections,
    limitMs: 30_000,
  });
  return load;
}
