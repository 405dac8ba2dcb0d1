/** How long each task of a run took, by its number, so that two runs of the same tasks can be laid beside each other. */
export class TaskTimes {
  private readonly seconds: number[] = [];
  private readonly failures = new Set<number>();
  private complete = 0;

  note({ number, seconds, failed }: { number: number; seconds: number; failed: boolean }): void {
    this.seconds[number] = seconds;
    if (failed) this.failures.add(number);
    while (this.seconds[this.complete] !== undefined) this.complete++;
  }

  /** The first number of which the task has not ended: which tasks are counted then does not hang on how long they take. */
  get firstOpen(): number {
    return this.complete;
  }

  /** From `first` on, without `end`. */
  between(first: number, end: number): number[] {
    return this.seconds.slice(first, end);
  }

  failedBetween(first: number, end: number): number {
    return [...this.failures].filter((number) => number >= first && number < end).length;
  }
}
