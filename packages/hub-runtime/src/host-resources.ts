import type { HostResources } from "@hubscale/hub-core";
import { type SidecarFrameOf, TIMERS } from "@hubscale/protocol";
import type { Clock } from "./ports.ts";

/** The last resource report of each host, in memory only. */
export class HostResourceBoard {
  readonly #clock: Clock;
  readonly #byHost = new Map<string, { resources: HostResources; atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(host: string, resources: HostResources, atMs: number): void {
    this.#byHost.set(host, { resources, atMs });
  }

  /** Null: nothing was heard of the host for 90 s. */
  get(host: string): HostResources | null {
    const report = this.#byHost.get(host);
    return report && !this.#isStale(report.atMs) ? report.resources : null;
  }

  sweep(): void {
    for (const [host, { atMs }] of this.#byHost) if (this.#isStale(atMs)) this.#byHost.delete(host);
  }

  #isStale(atMs: number): boolean {
    return this.#clock.nowMs() - atMs > TIMERS.resourceStaleMs;
  }
}

export function hostResourcesOf(report: SidecarFrameOf<"resource_report">): HostResources {
  return {
    cpuPercent: report.cpu_percent ?? null,
    ramTotalBytes: report.ram_total_bytes ?? null,
    vramUsedBytes: report.vram_used_bytes ?? null,
    vramTotalBytes: report.vram_total_bytes ?? null,
  };
}
