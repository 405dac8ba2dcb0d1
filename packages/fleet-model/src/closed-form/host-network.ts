/**
 * The agents of one host with their cores and their GPU, solved together: a closed network in product form by convolution
 * (J. P. Buzen, CACM 16(9), 1973; load-dependent servers as in Lazowska 1984, ch. 8). Two stations that are both busy take work from
 * each other, which solving one station after the other would miss.
 */

export interface HostStation {
  /** For one task, alone. */
  demandMs: number;
  /** Work done with `inHand` over that with one. */
  speed: (inHand: number) => number;
}

export interface HostNetwork {
  agents: number;
  /** All of a task that is neither of the two: tools that wait, the API, the uplink, the hub. */
  elsewhereMs: number;
  cpu: HostStation;
  gpu: HostStation | null;
}

export interface HostAnswer {
  /** Of all its agents. */
  tasksPerMs: number;
  cpuMs: number;
  gpuMs: number;
}

export function solveHost({ agents, elsewhereMs, cpu, gpu }: HostNetwork): HostAnswer {
  // In units of a whole task, so that the powers stay in range.
  const unitMs = elsewhereMs + cpu.demandMs + (gpu?.demandMs ?? 0);
  if (agents < 1 || !(unitMs > 0)) return { tasksPerMs: 0, cpuMs: cpu.demandMs, gpuMs: gpu?.demandMs ?? 0 };
  const away = weights(agents, (inHand) => elsewhereMs / unitMs / inHand);
  const atCpu = weights(agents, (inHand) => cpu.demandMs / unitMs / cpu.speed(inHand));
  const atGpu = gpu ? weights(agents, (inHand) => gpu.demandMs / unitMs / gpu.speed(inHand)) : undefined;
  const withoutGpu = convolve(away, atCpu);
  const all = atGpu ? convolve(withoutGpu, atGpu) : withoutGpu;
  const total = all[agents] as number;
  const tasksPerMs = (all[agents - 1] as number) / total / unitMs;
  const inGpu = atGpu ? meanInHand(atGpu, withoutGpu, total) : 0;
  const inCpu = meanInHand(atCpu, atGpu ? convolve(away, atGpu) : away, total);
  return { tasksPerMs, cpuMs: inCpu / tasksPerMs, gpuMs: inGpu / tasksPerMs };
}

function weights(agents: number, factor: (inHand: number) => number): Float64Array {
  const result = new Float64Array(agents + 1);
  result[0] = 1;
  for (let inHand = 1; inHand <= agents; inHand++) result[inHand] = (result[inHand - 1] as number) * factor(inHand);
  return result;
}

function convolve(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length);
  for (let sum = 0; sum < a.length; sum++) {
    let value = 0;
    for (let first = 0; first <= sum; first++) value += (a[first] as number) * (b[sum - first] as number);
    result[sum] = value;
  }
  return result;
}

function meanInHand(station: Float64Array, rest: Float64Array, total: number): number {
  const agents = station.length - 1;
  let sum = 0;
  for (let inHand = 1; inHand <= agents; inHand++) {
    sum += inHand * (station[inHand] as number) * (rest[agents - inHand] as number);
  }
  return sum / total;
}
