/** The cores of a host, shared by the phases (builds, tests) of the tasks that run on it: processor sharing. */

export interface CpuJob<Id = string> {
  id: Id;
  /** CPU seconds that it needs. */
  coreSec: number;
  /** Cores that it can use at once; 1 for a single thread. */
  maxCores: number;
}

interface Running<Id> {
  id: Id;
  maxCores: number;
  leftCoreMs: number;
  cores: number;
}

export class HostCpu<Id = string> {
  readonly cores: number;
  private nowMs: number;
  /** In the order of their start. */
  private readonly jobs: Running<Id>[] = [];

  constructor(cores: number, nowMs: number) {
    this.cores = cores;
    this.nowMs = nowMs;
  }

  start({ id, coreSec, maxCores }: CpuJob<Id>, nowMs: number): void {
    this.passTo(nowMs);
    // With a number that is not whole, so that the field is made for such: a simulation starts millions of these.
    this.jobs.push({ id, maxCores, leftCoreMs: coreSec * 1_000, cores: 0.5 });
    this.share();
  }

  /** Stops a job that is not wanted any more. */
  stop(id: Id, nowMs: number): void {
    this.passTo(nowMs);
    const at = this.jobs.findIndex((job) => job.id === id);
    if (at >= 0) this.jobs.splice(at, 1);
    this.share();
  }

  /** Lets time pass; the ids of the jobs that have ended, in order, behind what `ended` holds. */
  advance(nowMs: number, ended: Id[] = []): Id[] {
    const { jobs } = this;
    for (let dueMs = this.nextDueMs(); dueMs <= nowMs; dueMs = this.nextDueMs()) {
      this.passTo(dueMs);
      let kept = 0;
      for (const job of jobs) {
        if (isDone(job)) ended.push(job.id);
        else jobs[kept++] = job;
      }
      jobs.length = kept;
      this.share();
    }
    this.passTo(nowMs);
    return ended;
  }

  /** Infinity when nothing runs. */
  nextDueMs(): number {
    let leastMs = Number.POSITIVE_INFINITY;
    for (const { leftCoreMs, cores } of this.jobs) {
      const ms = leftCoreMs / cores;
      if (ms < leastMs) leastMs = ms;
    }
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
    if (this.areAlike(first.maxCores)) {
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

  private areAlike(maxCores: number): boolean {
    for (const job of this.jobs) if (job.maxCores !== maxCores) return false;
    return true;
  }
}

/** A microsecond of one core counts as done: times are sums of floating point numbers. */
const isDone = (job: Running<unknown>) => job.leftCoreMs <= 1e-3;

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
