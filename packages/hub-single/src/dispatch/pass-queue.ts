/** When the scheduler runs: one pass for each trigger (C10), or one pending pass for all of them. */
export interface PassQueue {
  /** A trigger. Never runs the pass within the call. */
  request(): void;
  /** Passes that are owed, the running one included. */
  readonly debt: number;
  /** Takes no more requests, drops what is owed, and resolves when the running pass has ended. */
  close(): Promise<void>;
}

export type Pass = () => Promise<void>;

/** Every trigger waits for a pass of its own, however many there are. */
export class EveryTriggerPasses implements PassQueue {
  readonly #pass: Pass;
  readonly #onFailure: (error: Error) => void;
  #owed = 0;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(pass: Pass, onFailure: (error: Error) => void) {
    this.#pass = pass;
    this.#onFailure = onFailure;
  }

  get debt(): number {
    return this.#owed;
  }

  request(): void {
    if (this.#isClosed) return;
    this.#owed += 1;
    this.#running ??= this.#run().catch((error: Error) => this.#onFailure(error));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#owed = 0;
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#owed > 0) {
      await this.#pass();
      this.#owed -= this.#isClosed ? 0 : 1;
    }
    this.#running = undefined;
  }
}

/** Triggers that come while a pass is pending are answered by that one; those that come while one runs, by the next. */
export class OnePendingPass implements PassQueue {
  readonly #pass: Pass;
  readonly #onFailure: (error: Error) => void;
  #isPending = false;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(pass: Pass, onFailure: (error: Error) => void) {
    this.#pass = pass;
    this.#onFailure = onFailure;
  }

  get debt(): number {
    return (this.#isPending ? 1 : 0) + (this.#running ? 1 : 0);
  }

  request(): void {
    if (this.#isClosed) return;
    this.#isPending = true;
    this.#running ??= this.#run().catch((error: Error) => this.#onFailure(error));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isPending = false;
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#isPending) {
      this.#isPending = false;
      await this.#pass();
    }
    this.#running = undefined;
  }
}
