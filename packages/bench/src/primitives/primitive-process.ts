/** The process of the primitives seen from the bench, with the clients that keep it busy. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Pool } from "undici";
import { WebSocket } from "ws";
import { readCpuSeconds } from "../machine/index.ts";
import type { FrameOut, LoopKind, PrimitiveCommand, PrimitiveReply, TaskTexts } from "./primitive-protocol.ts";

type ReplyOf<K extends PrimitiveReply["kind"]> = Extract<PrimitiveReply, { kind: K }>;

export interface Spent {
  operations: number;
  /** Of the serving process, all its threads. */
  cpuSeconds: number;
}

export interface PrimitiveProcessOptions {
  texts: TaskTexts;
  dataFolder: string;
  /** WebSocket clients. */
  connections: number;
  /** HTTP requests under way. */
  inFlight: number;
  onSpawn(process: PrimitiveProcess): void;
}

export class PrimitiveProcess {
  readonly #child: ChildProcess;
  readonly #texts: TaskTexts;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<PrimitiveReply["kind"], { resolve(reply: PrimitiveReply): void; reject(error: Error): void }>();
  readonly #pools = new Map<"fastify" | "http", Pool>();
  readonly #clients: WebSocket[] = [];
  readonly #inFlight: number;
  #heard = 0;
  #heardAll: (() => void) | undefined;

  /** Rejects when the process ends before it is ready. */
  static async start(options: PrimitiveProcessOptions): Promise<PrimitiveProcess> {
    const process = new PrimitiveProcess(options);
    options.onSpawn(process);
    const { texts, dataFolder, connections } = options;
    const { fastify, http, ws } = await process.#ask({ kind: "open", texts, dataFolder, connections }, "opened");
    process.#pools.set("fastify", new Pool(fastify, { connections: options.inFlight }));
    process.#pools.set("http", new Pool(http, { connections: options.inFlight }));
    for (let n = 0; n < connections; n++) process.#clients.push(await process.#client(ws));
    return process;
  }

  private constructor({ texts, inFlight }: PrimitiveProcessOptions) {
    this.#texts = texts;
    this.#inFlight = inFlight;
    this.#child = fork(fileURLToPath(new URL("./primitive-main.js", import.meta.url)), [], {
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (reply: PrimitiveReply) => {
      const waiting = this.#waiting.get(reply.kind);
      this.#waiting.delete(reply.kind);
      waiting?.resolve(reply);
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => {
        for (const { reject } of this.#waiting.values())
          reject(new Error(`the primitives' process ended (${signal ?? `exit ${code}`})`));
        resolve();
      });
    });
  }

  loop(loop: LoopKind, durationMs: number): Promise<Spent> {
    return this.#spent(async () => (await this.#ask({ kind: "loop", loop, durationMs }, "looped")).operations);
  }

  /** Submissions, always as many under way. */
  posts(server: "fastify" | "http", durationMs: number): Promise<Spent> {
    const pool = this.#pools.get(server) as Pool;
    const headers = { "content-type": "application/json", authorization: `Bearer ${this.#texts.token}` };
    return this.#spent(async () => {
      const endMs = performance.now() + durationMs;
      let operations = 0;
      const worker = async () => {
        while (performance.now() < endMs) {
          const { statusCode, body } = await pool.request({
            method: "POST",
            path: "/api/tasks",
            headers,
            body: this.#texts.submitBody,
          });
          await body.text();
          if (statusCode !== 201) throw new Error(`the bare ${server} server answered ${statusCode}`);
          operations++;
        }
      };
      await Promise.all(Array.from({ length: this.#inFlight }, worker));
      return operations;
    });
  }

  /** Rounds of one frame from each client, the next round when all have arrived. */
  framesIn(frame: "accepted" | "complete", durationMs: number): Promise<Spent> {
    return this.#rounds(durationMs, async () => {
      const received = this.#hear("received");
      for (const client of this.#clients) client.send(this.#texts[frame]);
      await received;
    });
  }

  /** Rounds of one frame to each client. */
  framesOut(frame: FrameOut, durationMs: number): Promise<Spent> {
    return this.#rounds(durationMs, async () => {
      const all = new Promise<void>((resolve) => {
        this.#heard = 0;
        this.#heardAll = resolve;
      });
      await this.#ask({ kind: "send", frame }, "sent");
      await all;
    });
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    await this.#ask({ kind: "close" }, "closed");
    await this.#exited;
  }

  /** Ends the process at once, whatever it does. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  async #rounds(durationMs: number, round: () => Promise<void>): Promise<Spent> {
    return this.#spent(async () => {
      const endMs = performance.now() + durationMs;
      let operations = 0;
      while (performance.now() < endMs) {
        await round();
        operations += this.#clients.length;
      }
      return operations;
    });
  }

  async #spent(run: () => Promise<number>): Promise<Spent> {
    const pids = [this.#child.pid as number];
    const before = readCpuSeconds(pids);
    const operations = await run();
    return { operations, cpuSeconds: readCpuSeconds(pids) - before };
  }

  #client(url: string): Promise<WebSocket> {
    return new Promise((resolve, reject) => {
      const client = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
      client.once("open", () => resolve(client));
      client.once("error", reject);
      client.on("message", () => {
        this.#heard++;
        if (this.#heard === this.#clients.length) this.#heardAll?.();
      });
    });
  }

  #ask<K extends PrimitiveReply["kind"]>(command: PrimitiveCommand, kind: K): Promise<ReplyOf<K>> {
    const reply = this.#hear(kind);
    this.#child.send(command);
    return reply;
  }

  #hear<K extends PrimitiveReply["kind"]>(kind: K): Promise<ReplyOf<K>> {
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) reject(new Error("the primitives' process has ended"));
      this.#waiting.set(kind, { resolve: resolve as (reply: PrimitiveReply) => void, reject });
    });
  }
}
