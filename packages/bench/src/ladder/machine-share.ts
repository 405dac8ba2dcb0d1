/** How many hubs are measured at once, and what each may use. */

export interface MachineShare {
  /** Of hubs whose generators need about a hundredth of a core: those with at most one fix. */
  slowHubsAtOnce: number;
  hubsAtOnce: number;
  /** Of each hub's quota, where there are quotas. */
  coresPerHub: number;
}

/** For the generators and this program beside the slow hubs; a fast hub's generator needs nearly as much as its hub. */
const CORES_BESIDE_SLOW_HUBS = 0.35;
/** Below this the throttling itself eats a good part of what is left. */
const LEAST_CORES = 0.2;

/** Without quotas the hubs would take each other's CPU, so there is one at a time. */
export function machineShareOf({ cpus, quotas }: { cpus: number; quotas: boolean }): MachineShare {
  const [slowHubsAtOnce, hubsAtOnce] = quotas && cpus >= 2 ? [3, 2] : [1, 1];
  const share = Math.floor(((cpus - CORES_BESIDE_SLOW_HUBS) / slowHubsAtOnce) * 20 + 1e-9) / 20;
  return { slowHubsAtOnce, hubsAtOnce, coresPerHub: Math.min(1, Math.max(LEAST_CORES, share)) };
}
