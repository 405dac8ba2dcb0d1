/** How many hubs are measured at once, and what each may use. */

export interface MachineShare {
  hubsAtOnce: 1 | 2;
  /** Of each hub's quota, where there are quotas. */
  coresPerHub: number;
}

/** For a hub's generator and this program: a slow rung's needs a hundredth of it, that of the fastest nearly all. */
const CORES_BESIDE_HUB = 0.35;
/** Below this the throttling itself eats a good part of what is left. */
const LEAST_CORES = 0.2;

/** Without quotas two hubs would take each other's CPU, so there is one at a time. */
export function machineShareOf({ cpus, quotas }: { cpus: number; quotas: boolean }): MachineShare {
  const hubsAtOnce = quotas && cpus >= 2 ? 2 : 1;
  const share = Math.floor((cpus / hubsAtOnce - CORES_BESIDE_HUB) * 20) / 20;
  return { hubsAtOnce, coresPerHub: Math.min(1, Math.max(LEAST_CORES, share)) };
}
