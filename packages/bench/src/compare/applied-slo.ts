import type { Slo } from "../measure/slo.ts";

/**
 * The scale model is a slow motion: a machine with 0.5 of a core takes twice as long for everything that it computes. The bound
 * is stretched by the same factor, so that a hub fails by its load and not by the quota. Disk and network are not slowed down.
 */
export function appliedSlo({ slo, coresPerMachine }: { slo: Slo; coresPerMachine: number | null }): Slo {
  return { ...slo, boundMs: slo.boundMs / Math.min(1, coresPerMachine ?? 1) };
}
