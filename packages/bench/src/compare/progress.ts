/** Tells a person how far a run is: one line that is rewritten on a terminal, plain lines elsewhere, nothing when switched off. */
export interface Progress {
  /** Something worth keeping, on a line of its own. */
  say(line: string): void;
  /** How far the run is, from 0 to 1, and what it is doing. */
  at(share: number, doing: string): void;
  done(): void;
}

export const silentProgress: Progress = { say: () => undefined, at: () => undefined, done: () => undefined };

export interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** On a terminal a bar with the time left, estimated from the share that is done; else a line for each tenth. */
export function progressOn(terminal: Terminal, nowMs: () => number): Progress {
  return terminal.isTTY ? new Bar(terminal, nowMs) : new Lines(terminal);
}

class Bar implements Progress {
  readonly #terminal: Terminal;
  readonly #nowMs: () => number;
  readonly #startMs: number;
  constructor(terminal: Terminal, nowMs: () => number) {
    this.#terminal = terminal;
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
  }
  say(line: string): void {
    this.#terminal.write(`${CLEAR_LINE}${line}\n`);
  }
  at(share: number, doing: string): void {
    const filled = Math.round(share * BAR_WIDTH);
    const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
    const leftSeconds = share > 0.02 ? Math.round(((this.#nowMs() - this.#startMs) * (1 - share)) / share / 1000) : null;
    const left = leftSeconds === null ? "" : `  ${leftSeconds} s left`;
    const text = `${bar} ${String(Math.round(share * 100)).padStart(3)} %${left}  ${doing}`;
    this.#terminal.write(`${CLEAR_LINE}${text.slice(0, (this.#terminal.columns ?? 120) - 1)}`);
  }
  done(): void {
    this.#terminal.write(CLEAR_LINE);
  }
}

class Lines implements Progress {
  readonly #terminal: Terminal;
  #tenths = -1;
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }
  say(line: string): void {
    this.#terminal.write(`${line}\n`);
  }
  at(share: number, doing: string): void {
    const tenths = Math.floor(share * 10);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    this.#terminal.write(`${String(tenths * 10).padStart(3)} %  ${doing}\n`);
  }
  done(): void {}
}

const CLEAR_LINE = "\r\u001b[2K";
const BAR_WIDTH = 24;
