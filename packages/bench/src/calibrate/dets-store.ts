/** A DETS table in an Erlang process of its own, spoken to by lines; the process takes the times. */
import { fileURLToPath } from "node:url";
import type { ManagedProcess, ProcessCare } from "../machine/index.ts";
import { scriptArguments } from "../provisioning/index.ts";
import type { ServerProgram } from "../provisioning/server-program.ts";
import { type Operation, ROW_BYTES, type TimedStore } from "./timed-store.ts";

const SCRIPT = fileURLToPath(new URL("../../erlang/dets_clock.escript", import.meta.url));

/** The longest answer is that to a fill of many rows on a slow disk. */
const ANSWER_WITHIN_MS = 60_000;

const COMMANDS: Record<Operation, string> = {
  insertSync: "insert_sync",
  insert: "insert",
  lookup: "lookup",
  fold: "fold",
};

/** One at a time has a table open. */
export class DetsProcess {
  readonly #process: ManagedProcess;
  readonly otpRelease: string;
  readonly rowBytes: number;

  /** `folder`: for the log. Rejects when the script does not run. */
  static async start(erlang: ServerProgram, { care, folder }: { care: ProcessCare; folder: string }): Promise<DetsProcess> {
    const child = await care.start({
      name: "erl",
      role: "dets",
      command: erlang.command,
      args: scriptArguments(SCRIPT, [String(ROW_BYTES)]),
      // The emulator wants a HOME and writes a crash dump, if it must, into its working folder.
      env: { HOME: folder, ...erlang.env },
      cwd: folder,
      stdout: "lines",
      log: `${folder}/erl.log`,
      holdStdin: true,
    });
    const [otp] = await ask(child, "otp");
    const [rowBytes] = await ask(child, "row");
    return new DetsProcess(child, String(otp), rowBytes ?? Number.NaN);
  }

  private constructor(process: ManagedProcess, otpRelease: string, rowBytes: number) {
    this.#process = process;
    this.otpRelease = otpRelease;
    this.rowBytes = rowBytes;
  }

  /** `name`: of a file in the folder. */
  async open(name: string): Promise<DetsStore> {
    await this.ask("open", name);
    return new DetsStore(this);
  }

  ask(...words: (string | number)[]): Promise<number[]> {
    return ask(this.#process, ...words);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }
}

export class DetsStore implements TimedStore {
  readonly #process: DetsProcess;
  #rows = 0;

  constructor(process: DetsProcess) {
    this.#process = process;
  }

  get rows(): number {
    return this.#rows;
  }

  get rowBytes(): number {
    return this.#process.rowBytes;
  }

  async fill(rows: number): Promise<void> {
    await this.#process.ask("fill", this.#rows + 1, rows - this.#rows);
    this.#rows = rows;
  }

  async time(operation: Operation, count: number): Promise<number> {
    switch (operation) {
      case "insertSync":
      case "insert": {
        const first = this.#rows + 1;
        const ms = await this.#ms(COMMANDS[operation], first, count);
        await this.#process.ask("delete", first, count);
        return ms;
      }
      case "lookup":
        return this.#ms("lookup", this.#rows, count);
      case "fold": {
        let ms = 0;
        for (let i = 0; i < count; i++) {
          const [nanoseconds, seen] = await this.#process.ask("fold");
          if (seen !== this.#rows) throw new Error(`a fold of DETS saw ${seen} rows, not ${this.#rows}`);
          ms += Number(nanoseconds) / 1e6;
        }
        return ms;
      }
    }
  }

  async fileBytes(): Promise<number> {
    const [bytes] = await this.#process.ask("bytes");
    return bytes ?? Number.NaN;
  }

  async close(): Promise<void> {
    await this.#process.ask("close");
  }

  async #ms(...words: (string | number)[]): Promise<number> {
    const [nanoseconds] = await this.#process.ask(...words);
    return Number(nanoseconds) / 1e6;
  }
}

/** The numbers of the answer. Rejects when Erlang says `error`, ends, or says nothing. */
async function ask(process: ManagedProcess, ...words: (string | number)[]): Promise<number[]> {
  const command = words.join(" ");
  process.say(command);
  const line = await process.nextLine(ANSWER_WITHIN_MS);
  const [status, ...numbers] = line.split(" ");
  if (status !== "ok") throw new Error(`DETS, asked to ${command}, answered ${line}`);
  return numbers.map(Number);
}
