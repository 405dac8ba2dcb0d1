/** The cores of a host, shared by the phases (builds, tests) of the tasks that run on it: processor sharing. */

export interface CpuJob {
  id: string;
  /** CPU seconds that it needs. */
  coreSec: number;
  /** Cores that it can use at once; 1 for a single thread. */
  maxCores: number;
}

interface Running extends CpuJob {
  leftCoreMs: number;
  cores: number;
}

export class HostCpu {
  readonly cores: number;
  private nowMs: number;
  private jobs: Running[] = [];

  constructor(cores: number, nowMs: number) {
    this.cores = cores;
    this.nowMs = nowMs;
  }

  start(job: CpuJob, nowMs: number): void {
    this.passTo(nowMs);
    // Field by field, and with a number that is not whole: a simulation starts millions of these.
    const { id, coreSec, maxCores } = job;
    this.jobs.push({ id, coreSec, maxCores, leftCoreMs: coreSec * 1_000, cores: 0.5 });
    this.share();
  }

  /** Stops a job that is not wanted any more. */
  stop(id: string, nowMs: number): void {
    this.passTo(nowMs);
    this.jobs = this.jobs.filter((job) => job.id !== id);
    this.share();
  }

  /** Lets time pass; the ids of the jobs that have ended, in order. */
  advance(nowMs: number): string[] {
    const ended: string[] = [];
    for (let dueMs = this.nextDueMs(); dueMs <= nowMs; dueMs = this.nextDueMs()) {
      this.passTo(dueMs);
      for (const job of this.jobs) if (isDone(job)) ended.push(job.id);
      this.jobs = this.jobs.filter((job) => !isDone(job));
      this.share();
    }
    this.passTo(nowMs);
    return ended;
  }

  /** Infinity when nothing runs. */
  nextDueMs(): number {
    let leastMs = Number.POSITIVE_INFINITY;
    for (const { leftCoreMs, cores } of this.jobs) leastMs = Math.min(leastMs, leftCoreMs / cores);
    return this.nowMs + leastMs;
  }

  /** Cores in use. */
  get usedCores(): number {
    return this.jobs.reduce((sum, { cores }) => sum + cores, 0);
  }

  private passTo(nowMs: number): void {
    const elapsedMs = nowMs - this.nowMs;
    if (elapsedMs <= 0) return;
    for (const job of this.jobs) job.leftCoreMs -= elapsedMs * job.cores;
    this.nowMs = nowMs;
  }

  /** Equal shares; what a narrow job cannot use goes to the others. */
  private share(): void {
    const { jobs } = this;
    const [first] = jobs;
    if (!first) return;
    // Nearly always all jobs are as wide as each other: no need to look for the narrow ones.
    if (jobs.every(({ maxCores }) => maxCores === first.maxCores)) {
      const cores = Math.min(first.maxCores, this.cores / jobs.length);
      for (const job of jobs) job.cores = cores;
      return;
    }
    let leftCores = this.cores;
    const narrowFirst = [...jobs].sort((a, b) => a.maxCores - b.maxCores);
    narrowFirst.forEach((job, index) => {
      job.cores = Math.min(job.maxCores, leftCores / (narrowFirst.length - index));
      leftCores -= job.cores;
    });
  }
}

/** A microsecond of one core counts as done: times are sums of floating point numbers. */
const isDone = (job: Running) => job.leftCoreMs <= 1e-3;

/** The memory of a host. What does not fit is refused: swapping builds are slower by orders of magnitude, so no figure would hold. */
export class HostMemory {
  readonly totalBytes: number;
  private taken = 0;

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
  }

  get freeBytes(): number {
    return this.totalBytes - this.taken;
  }

  /** False: not that much is free. */
  take(bytes: number): boolean {
    if (bytes > this.freeBytes) return false;
    this.taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.taken = Math.max(0, this.taken - bytes);
  }
}
