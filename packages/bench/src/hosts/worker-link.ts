/** One worker as the coordinator sees it: asked, listened to, and known to be gone when it is. */
import { type NatsConnection, RequestError } from "@nats-io/transport-node";
import type { GeneratorChannel } from "../load/generator-channel.ts";
import type { GeneratorReply } from "../load/generator-protocol.ts";
import {
  type Answered,
  type Answers,
  commandsTo,
  decode,
  encode,
  GONE_AFTER_MS,
  type Join,
  type WorkerCommand,
  type WorkerWord,
  wordsOf,
} from "./worker-protocol.ts";

/** A process of a worker may end while it is asked about; the answer itself is a matter of milliseconds. */
const ANSWER_WITHIN_MS = 20_000;

interface RemoteGenerator {
  onReply: (reply: GeneratorReply) => void;
  onEnd: (how: string) => void;
}

export class WorkerLink {
  readonly facts: Join;
  /** Resolves, in words, when the worker or a program of it is lost to the run; never when the run ends first. */
  readonly lost: Promise<string>;
  /** Resolves when nothing of the run is left there, or it is lost. */
  readonly finished: Promise<unknown>;
  readonly #connection: NatsConnection;
  readonly #generators = new Map<number, RemoteGenerator>();
  #lose: (why: string) => void = () => undefined;
  #finish: (word: null) => void = () => undefined;
  #why: string | undefined;
  #heardMs: number;
  readonly #nowMs: () => number;

  constructor(facts: Join, connection: NatsConnection, nowMs: () => number) {
    this.facts = facts;
    this.#connection = connection;
    this.#nowMs = nowMs;
    this.#heardMs = nowMs();
    this.lost = new Promise((resolve) => {
      this.#lose = (why) => resolve((this.#why ??= why));
    });
    const finished = new Promise<null>((resolve) => {
      this.#finish = resolve;
    });
    this.finished = Promise.race([finished, this.lost]);
    connection.subscribe(wordsOf(facts.name), { callback: (_, message) => this.#hear(decode<WorkerWord>(message.data)) });
  }

  get name(): string {
    return this.facts.name;
  }

  get isLost(): boolean {
    return this.#why !== undefined;
  }

  /** To be called now and then. */
  lookForSilence(): void {
    if (this.#nowMs() - this.#heardMs >= GONE_AFTER_MS) this.#isGone();
  }

  /** Rejects with the worker's own words when it cannot do it, and at once when it is lost. */
  async ask<C extends WorkerCommand>(command: C, withinMs = ANSWER_WITHIN_MS): Promise<Answers[C["kind"]]> {
    if (this.#why !== undefined) throw new Error(this.#why);
    const request = this.#connection.request(commandsTo(this.name), encode(command), { timeout: withinMs });
    // The loser of the race may fail later, when nobody waits for it any more.
    request.catch(() => undefined);
    const reply = await Promise.race([request, this.lost]).catch((cause: unknown) => {
      // Nobody listens there any more: the server has seen its connection end.
      if (cause instanceof RequestError) this.#isGone();
      throw new Error(this.#why ?? `worker ${this.#described} did not answer (${command.kind})`, { cause });
    });
    if (typeof reply === "string") throw new Error(reply);
    const answered = decode<Answered>(reply.data);
    if (!answered.ok) throw new Error(`on worker ${this.#described}: ${answered.problem}`);
    return answered.value as Answers[C["kind"]];
  }

  /** Resolves also when the worker is lost: it ends its parts by itself then. */
  async stop(id: number): Promise<void> {
    if (this.isLost) return;
    await this.ask({ kind: "stop", id }).catch((error: unknown) => {
      if (!this.isLost) throw error;
    });
  }

  async startGenerator(): Promise<GeneratorChannel> {
    const { id, pid } = await this.ask({ kind: "startGenerator" });
    const generator: RemoteGenerator = { onReply: () => undefined, onEnd: () => undefined };
    this.#generators.set(id, generator);
    const isOpen = () => this.#generators.has(id) && !this.isLost;
    const ended = new Promise<string>((resolve) => {
      generator.onEnd = resolve;
      void this.lost.then(resolve);
    });
    return {
      pid,
      get isOpen() {
        return isOpen();
      },
      send: (command) =>
        void this.ask({ kind: "tellGenerator", id, command }).catch((error: Error) => generator.onEnd(error.message)),
      onReply: (listener) => {
        generator.onReply = listener;
      },
      ended,
      cpuSeconds: async () => {
        const usages = pid === undefined ? [] : await this.ask({ kind: "readUsage", pids: [pid] });
        return usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
      },
      kill: () => void this.stop(id).catch((error: Error) => generator.onEnd(error.message)),
    };
  }

  get #described(): string {
    return `${this.name} (${this.facts.address})`;
  }

  #isGone(): void {
    this.#lose(`worker ${this.#described} is gone: it has ended, or its machine or the network has failed`);
  }

  #hear(word: WorkerWord): void {
    this.#heardMs = this.#nowMs();
    switch (word.kind) {
      case "alive":
        return;
      case "programEnded":
        this.#lose(
          [`${word.name} on worker ${this.#described} has ended by itself (${word.how})`, word.log].join("\n").trimEnd(),
        );
        return;
      case "generatorReply":
        this.#generators.get(word.id)?.onReply(word.reply);
        return;
      case "generatorEnded":
        this.#generators.get(word.id)?.onEnd(word.how);
        this.#generators.delete(word.id);
        return;
      case "leaving":
        this.#lose(`worker ${this.#described} was told to end in the middle of the run`);
        return;
      case "finished":
        this.#finish(null);
    }
  }
}
