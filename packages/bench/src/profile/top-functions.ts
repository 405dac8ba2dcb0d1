/** V8's own profiles (the formats of the Chrome DevTools Protocol: Profiler.Profile, HeapProfiler.SamplingHeapProfile) as a list. Pure. */

export interface CallFrame {
  functionName: string;
  url: string;
  /** From 0. */
  lineNumber: number;
}

export interface CpuProfile {
  /** µs of the machine's monotonic clock. */
  startTime: number;
  nodes: { id: number; callFrame: CallFrame }[];
  /** Node ids, and the time before each in µs. */
  samples: number[];
  timeDeltas: number[];
}

export interface HeapProfile {
  head: HeapNode;
}

export interface HeapNode {
  callFrame: CallFrame;
  selfSize: number;
  children: HeapNode[];
}

export interface TopFunction {
  name: string;
  /** `hub-single/dist/task-store.js:120`; empty for V8's own. */
  place: string;
  /** µs of its own time, or bytes that it allocated and that were still held. */
  amount: number;
  share: number;
}

/** µs of the machine's monotonic clock. */
export interface Window {
  from: number;
  to: number;
}

/**
 * By the time spent in the function itself, within the window: a profile goes from the start of the program to its end, and
 * loading modules would lead the list. Idle time is left out, so that the shares are of the work.
 */
export function topOfCpu({ startTime, nodes, samples, timeDeltas }: CpuProfile, { from, to }: Window): TopFunction[] {
  let at = startTime;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const amounts: { frame: CallFrame; amount: number }[] = [];
  for (const [i, id] of samples.entries()) {
    const frame = frames.get(id);
    at += timeDeltas[i] ?? 0;
    if (at < from || at > to) continue;
    if (frame && frame.functionName !== "(idle)") amounts.push({ frame, amount: timeDeltas[i] ?? 0 });
  }
  return ranked(amounts);
}

/** By what the function itself has allocated and what was still held at the end of the run. */
export function topOfHeap({ head }: HeapProfile): TopFunction[] {
  const amounts: { frame: CallFrame; amount: number }[] = [];
  const open = [head];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.selfSize > 0) amounts.push({ frame: node.callFrame, amount: node.selfSize });
    open.push(...node.children);
  }
  return ranked(amounts);
}

export function renderTop(caption: string, top: readonly TopFunction[], unit: { name: string; size: number }): string {
  const rows = top
    .slice(0, SHOWN)
    .map(
      ({ name, place, amount, share }) =>
        `${`${(100 * share).toFixed(1)} %`.padStart(8)}  ${(amount / unit.size).toFixed(1).padStart(10)} ${unit.name}  ${name}${place === "" ? "" : `  ${place}`}`,
    );
  return [`${caption}`, ...rows, ""].join("\n");
}

const SHOWN = 30;

function ranked(amounts: readonly { frame: CallFrame; amount: number }[]): TopFunction[] {
  const total = amounts.reduce((sum, { amount }) => sum + amount, 0);
  const functions = new Map<string, TopFunction>();
  for (const { frame, amount } of amounts) {
    const name = frame.functionName || "(anonymous)";
    const place = placeOf(frame);
    const key = `${name} ${place}`;
    const known = functions.get(key) ?? { name, place, amount: 0, share: 0 };
    known.amount += amount;
    functions.set(key, known);
  }
  const list = [...functions.values()];
  for (const each of list) each.share = total > 0 ? each.amount / total : 0;
  return list.sort((a, b) => b.amount - a.amount);
}

/** From the package's folder on: the rest of the path is the machine's. */
function placeOf({ url, lineNumber }: CallFrame): string {
  if (url === "") return "";
  const path = /(?:.*\/node_modules\/|.*\/packages\/)(.+)$/.exec(url)?.[1] ?? url;
  return `${path}:${lineNumber + 1}`;
}
