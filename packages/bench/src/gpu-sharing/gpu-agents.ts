/** Agents that share one GPU behind a real Ollama stub: each asks over HTTP, thinks, and asks again. */
import { draw, type Random } from "@hubscale/fleet-model";
import { type Clock, seededRandom } from "@hubscale/sidecar-sim";
import { ScaledTime } from "@hubscale/sidecar-sim/executors";
import { type OllamaStub, startOllamaStub } from "@hubscale/sidecar-sim/stubs";
import { Pool } from "undici";
import { type GpuCase, type GpuSetting, settingsOf, varying } from "./gpu-setting.ts";

/** One answer; times in the fleet's milliseconds. */
export interface CountedAnswer {
  endedMs: number;
  /** From the end of the agent's last answer until it asked: what was drawn, and what timers and HTTP added. */
  thinkMs: number;
  /** Of it, what was drawn. */
  drawnThinkMs: number;
  responseMs: number;
  /** Of it, neither load nor prefill nor decode. */
  waitMs: number;
  promptTokens: number;
  outputTokens: number;
}

export interface GpuRun {
  setting: GpuSetting;
  of: GpuCase;
  answers: number;
  timeScale: number;
  seed: number;
  clock: Clock;
  signal: AbortSignal;
  onAnswer(): void;
}

/** All answers of one GPU in the order of their ends, after a tenth of them to settle. */
export async function runGpu(run: GpuRun): Promise<CountedAnswer[]> {
  const { setting, of, clock, timeScale, seed } = run;
  const stub = await startOllamaStub({
    port: 0,
    settings: settingsOf(setting, of),
    // To the limit that each request names.
    answerTokens: { kind: "constant", value: Number.POSITIVE_INFINITY },
    random: seededRandom(seed),
    clock,
    timeScale,
  });
  const agents = new GpuAgents(run, stub);
  try {
    return await agents.run();
  } finally {
    await agents.close();
    await stub.close();
  }
}

/** Chat templates add that many tokens to a message in the stub; the text is made shorter by them. */
const MARKER_TOKENS = 4;

class GpuAgents {
  private readonly given: GpuRun;
  private readonly pool: Pool;
  private readonly time: ScaledTime;
  private readonly settle: number;
  private readonly counted: CountedAnswer[] = [];
  private seen = 0;
  private asked = 0;

  constructor(given: GpuRun, stub: OllamaStub) {
    this.given = given;
    this.pool = new Pool(stub.url, { connections: given.of.agents, headersTimeout: 0, bodyTimeout: 0 });
    this.time = new ScaledTime(given.clock, given.timeScale);
    this.settle = Math.ceil(given.answers / 10);
  }

  async run(): Promise<CountedAnswer[]> {
    const { of, seed, signal } = this.given;
    await this.ask({ promptTokens: 0, outputTokens: 0 });
    await Promise.all(Array.from({ length: of.agents }, (_, agent) => this.agent(seededRandom(seed, agent + 1))));
    signal.throwIfAborted();
    return this.counted.sort((a, b) => a.endedMs - b.endedMs);
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }

  private get isOver(): boolean {
    return this.counted.length >= this.given.answers || this.given.signal.aborted;
  }

  private async agent(random: Random): Promise<void> {
    const { setting } = this.given;
    const { thinkMs, promptTokens, outputTokens } = setting.round;
    let lastEndMs = this.time.nowMs();
    while (!this.isOver) {
      const drawnThinkMs = draw(varying(setting, thinkMs), random);
      await this.waitUntil(lastEndMs + drawnThinkMs);
      if (this.isOver) return;
      const askedMs = this.time.nowMs();
      const answer = await this.ask({
        promptTokens: Math.max(1, Math.round(draw(varying(setting, promptTokens), random))),
        outputTokens: Math.max(1, Math.round(draw(varying(setting, outputTokens), random))),
      });
      const endedMs = askedMs + answer.responseMs;
      this.note({ ...answer, thinkMs: askedMs - lastEndMs, drawnThinkMs, endedMs });
      lastEndMs = endedMs;
    }
  }

  private note(answer: CountedAnswer): void {
    if (this.seen++ < this.settle || this.counted.length >= this.given.answers) return;
    this.counted.push(answer);
    this.given.onAnswer();
  }

  /** Nothing asked for only loads the model. */
  private async ask({ promptTokens, outputTokens }: { promptTokens: number; outputTokens: number }) {
    // No two prompts begin alike, or the slot would know the prefix.
    const opening = `${this.asked++} `;
    const text = opening.padEnd((promptTokens - MARKER_TOKENS) * CHARACTERS, "word ");
    const { statusCode, body } = await this.pool.request({
      method: "POST",
      path: "/api/chat",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: this.given.setting.model.name,
        messages: promptTokens > 0 ? [{ role: "user", content: text }] : [],
        stream: false,
        options: { num_predict: outputTokens },
      }),
    });
    const answer = (await body.json()) as Record<string, number | string>;
    if (statusCode !== 200) throw new Error(`the Ollama stub answered ${statusCode}: ${JSON.stringify(answer)}`);
    const field = (name: string) => Number(answer[name] ?? 0);
    const ms = (name: string) => field(name) / 1e6;
    return {
      responseMs: ms("total_duration"),
      waitMs: ms("total_duration") - ms("load_duration") - ms("prompt_eval_duration") - ms("eval_duration"),
      promptTokens: field("prompt_eval_count"),
      outputTokens: field("eval_count"),
    };
  }

  private waitUntil(atMs: number): Promise<void> {
    const { signal } = this.given;
    return new Promise((resolve) => {
      const over = () => {
        cancel();
        signal.removeEventListener("abort", over);
        resolve();
      };
      const cancel = this.time.at(atMs, over);
      signal.addEventListener("abort", over, { once: true });
    });
  }
}

const CHARACTERS = 4;
