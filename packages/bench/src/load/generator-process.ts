import { forkGenerator, type GeneratorChannel } from "./generator-channel.ts";
import type {
  ConnectCommand,
  GeneratorCommand,
  GeneratorReply,
  TrialCommand,
  TrialPhase,
  TrialResult,
} from "./generator-protocol.ts";
import type { HeldLoadSetting, HoldShape } from "./held-load.ts";

export interface GeneratorProcessListener {
  phase(id: string, phase: TrialPhase): void;
  note(text: string): void;
}

type ReplyOf<K extends GeneratorReply["kind"]> = Extract<GeneratorReply, { kind: K }>;

/** The generator refused a command, or died. `code` `gone`: the process ended by itself. */
export class GeneratorFailed extends Error {
  readonly code: ReplyOf<"failed">["code"] | "gone";
  constructor(code: ReplyOf<"failed">["code"] | "gone", detail: string) {
    super(detail);
    this.name = "GeneratorFailed";
    this.code = code;
  }
}

/** A load generator in a process of its own, here or on another machine, seen from the bench. One command at a time. */
export class GeneratorProcess {
  readonly #channel: GeneratorChannel;
  readonly #listener: GeneratorProcessListener;
  readonly #exited: Promise<void>;
  #waiting: { resolve(reply: GeneratorReply): void; reject(error: GeneratorFailed): void } | undefined;

  /** On this machine, or where the channel leads. */
  constructor(listener: GeneratorProcessListener, channel: GeneratorChannel = forkGenerator()) {
    this.#listener = listener;
    this.#channel = channel;
    channel.onReply((reply) => this.#heard(reply));
    this.#exited = channel.ended.then((how) => {
      this.#settle()?.reject(new GeneratorFailed("gone", `the load generator ended (${how})`));
    });
  }

  get pid(): number | undefined {
    return this.#channel.pid;
  }

  /** That the process has used since its start. */
  cpuSeconds(): Promise<number> {
    return this.#channel.cpuSeconds();
  }

  /** Rejects with `GeneratorFailed`. */
  connect(command: Omit<ConnectCommand, "kind">): Promise<ReplyOf<"connected">> {
    return this.#ask({ kind: "connect", ...command }, "connected");
  }

  /** Rejects with `GeneratorFailed`. */
  trial(command: TrialCommand): Promise<TrialResult> {
    return this.#ask(command, "trialResult");
  }

  /** In place of `connect`: makes ready to hold a load. */
  open(setting: HeldLoadSetting): Promise<ReplyOf<"opened">> {
    return this.#ask({ kind: "open", ...setting }, "opened");
  }

  /** Rejects with `GeneratorFailed`, `cannot_hold` when the hub cannot take so much at all. */
  hold(shape: HoldShape): Promise<ReplyOf<"held">> {
    return this.#ask({ kind: "hold", ...shape }, "held");
  }

  /** Disconnects the agents and gives the history of the whole run; resolves when the process is gone. */
  async close(): Promise<ReplyOf<"closed">["history"]> {
    const { history } = await this.#ask({ kind: "close" }, "closed");
    await this.#exited;
    return history;
  }

  /** Ends the process at once, whatever it does. */
  async kill(): Promise<void> {
    this.#channel.kill();
    await this.#exited;
  }

  #ask<K extends GeneratorReply["kind"]>(command: GeneratorCommand, kind: K): Promise<ReplyOf<K>> {
    if (this.#waiting) throw new Error(`${command.kind} while another command is under way`);
    return new Promise((resolve, reject) => {
      this.#waiting = {
        reject,
        resolve: (reply) => {
          if (isReply(reply, kind)) resolve(reply);
          else if (reply.kind === "failed") reject(new GeneratorFailed(reply.code, reply.detail));
          else reject(new GeneratorFailed("internal", `unexpected reply ${reply.kind} to ${command.kind}`));
        },
      };
      if (!this.#channel.isOpen) this.#settle()?.reject(new GeneratorFailed("gone", "the load generator has ended"));
      else this.#channel.send(command);
    });
  }

  #heard(reply: GeneratorReply): void {
    if (reply.kind === "phase") this.#listener.phase(reply.id, reply.phase);
    else if (reply.kind === "note") this.#listener.note(reply.text);
    else this.#settle()?.resolve(reply);
  }

  #settle() {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}

function isReply<K extends GeneratorReply["kind"]>(reply: GeneratorReply, kind: K): reply is ReplyOf<K> {
  return reply.kind === kind;
}
