/** What the whole machine has computed, so that a trial can tell what was left for it. */
import { cpus } from "node:os";

/** CPU seconds that all programs of this machine have used since it started, in whole ticks; what a hypervisor took is not among them. */
export function machineCpuSeconds(): number {
  const ms = cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  return ms / 1_000;
}
