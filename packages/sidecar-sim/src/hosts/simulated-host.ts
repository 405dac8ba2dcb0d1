/** A machine that several agents share, on a real clock: its cores, its memory, and what it reports of itself. */
import { type FleetHost, HostCpu, HostMemory } from "@hubscale/fleet-model";
import type { Cancel } from "../clock.ts";
import type { ResourceSample } from "../sidecar-frames.ts";
import type { ScaledTime } from "../stubs/scaled-time.ts";

export interface HostWork {
  /** CPU seconds on one core. */
  coreSec: number;
  /** Cores that it can use at once. */
  maxCores: number;
}

/** What the host's Ollama holds, if it has one. */
export interface VramUse {
  usedBytes: number;
  totalBytes: number;
}

export class SimulatedHost {
  readonly spec: FleetHost;
  private readonly time: ScaledTime;
  private readonly vram: (() => VramUse) | undefined;
  private readonly cpu: HostCpu;
  private readonly memory: HostMemory;
  private readonly running = new Map<string, () => void>();
  private timer: { dueMs: number; cancel: Cancel } | undefined;
  private jobs = 0;

  constructor(spec: FleetHost, time: ScaledTime, vram?: () => VramUse) {
    this.spec = spec;
    this.time = time;
    this.vram = vram;
    this.cpu = new HostCpu(spec.cores, time.nowMs());
    this.memory = new HostMemory(spec.ramBytes);
  }

  /** Resolves when the work is done; how long that takes depends on what else runs here. Rejects with the signal's reason. */
  compute(work: HostWork, signal: AbortSignal): Promise<void> {
    if (work.coreSec <= 0) return Promise.resolve();
    const id = `${this.jobs++}`;
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.running.delete(id);
        this.cpu.stop(id, this.time.nowMs());
        this.arm();
        reject(signal.reason as Error);
      };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener("abort", stop, { once: true });
      this.running.set(id, () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      this.catchUp();
      this.cpu.start({ id, ...work }, this.time.nowMs());
      this.arm();
    });
  }

  /** Resolves after `ms` of the fleet's time. Rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    const untilMs = this.time.nowMs() + ms;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      let cancel: Cancel | undefined;
      const stop = () => {
        cancel?.();
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", stop, { once: true });
      const look = () => {
        // A timer may fire a fraction of a millisecond before its time.
        if (this.time.nowMs() < untilMs) cancel = this.time.at(untilMs, look);
        else {
          signal.removeEventListener("abort", stop);
          resolve();
        }
      };
      look();
    });
  }

  /** False: the host has not that much left. */
  takeMemory(bytes: number): boolean {
    return this.memory.take(bytes);
  }

  giveBackMemory(bytes: number): void {
    this.memory.giveBack(bytes);
  }

  get freeMemoryBytes(): number {
    return this.memory.freeBytes;
  }

  /** As its agents report it to the hub. */
  sample(): ResourceSample {
    this.catchUp();
    const vram = this.vram?.();
    return {
      cpuPercent: Math.round((this.cpu.usedCores / this.cpu.cores) * 1_000) / 10,
      ramUsedBytes: Math.round(this.memory.totalBytes - this.memory.freeBytes),
      ramTotalBytes: this.memory.totalBytes,
      vramUsedBytes: vram ? Math.round(vram.usedBytes) : null,
      vramTotalBytes: vram?.totalBytes ?? null,
    };
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private catchUp(): void {
    for (const id of this.cpu.advance(this.time.nowMs())) {
      const done = this.running.get(id);
      this.running.delete(id);
      done?.();
    }
  }

  private arm(): void {
    const dueMs = this.cpu.nextDueMs();
    if (this.timer?.dueMs === dueMs) return;
    this.timer?.cancel();
    this.timer = undefined;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const cancel = this.time.at(dueMs, () => {
      this.timer = undefined;
      this.catchUp();
      this.arm();
    });
    this.timer = { dueMs, cancel };
  }
}
