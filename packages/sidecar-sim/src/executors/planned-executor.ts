/** Does a task as its plan says: work on the host's cores, waiting, real requests to the endpoint of the hub's choice and to the API. */
import { drawTaskPlan, seededRandom, type TaskPlan, type WorkMix, type WorkPhase, type WorkTier } from "@hubscale/fleet-model";
import type { SimulatedHost } from "../hosts/simulated-host.ts";
import type { ScaledTime } from "../stubs/scaled-time.ts";
import { type AssignedTask, plainSuccess, type TaskExecutor, type TaskResult, type WorkUnderWay } from "../task-executor.ts";
import { ClaudeConversation } from "./claude-conversation.ts";
import { askClaude } from "./claude-step.ts";
import { NoAnswer } from "./counted-client.ts";
import type { ModelAnswer, OnTokens } from "./model-answer.ts";
import { ModelClients } from "./model-clients.ts";
import { askOllama, type ChatMessage } from "./ollama-round.ts";
import { textOfTokens } from "./prompt-text.ts";
import { taskNumber } from "./task-number.ts";

export interface PlannedWork {
  mix: WorkMix;
  seed: number;
  host: SimulatedHost;
  time: ScaledTime;
  /** Base URL of the API, or of what stands before it. */
  claudeUrl: string;
  claudeModel: string;
  apiKey: string;
  /** When the hub selected no model, or a fallback without one. */
  ollamaModel: string;
  contextTokens: number;
  /** What came of each task, before the hub hears of it. */
  told?(plan: TaskPlan, result: TaskResult): void;
}

/** The work of one agent. */
export class PlannedExecutor implements TaskExecutor {
  private readonly around: PlannedWork;
  private readonly clients: ModelClients;

  constructor(around: PlannedWork) {
    this.around = around;
    this.clients = new ModelClients(around.claudeUrl, around.time);
  }

  async run(task: AssignedTask, work: WorkUnderWay): Promise<TaskResult> {
    const { mix, seed, host, time } = this.around;
    const tier = tierOf(task);
    const plan = drawTaskPlan(mix, { seed, number: taskNumber(task), attempt: task.generation, ...(tier && { tier }) });
    const beganMs = time.nowMs();
    const trafficBefore = this.clients.traffic();
    const doing = new TaskUnderWay(task, plan, work, this.around, this.clients);
    let error: string | null = null;
    if (host.takeMemory(plan.ramBytes)) {
      try {
        error = await doing.run();
      } finally {
        host.giveBackMemory(plan.ramBytes);
      }
    } else error = `out of memory: ${gb(plan.ramBytes)} GB wanted, ${gb(host.freeMemoryBytes)} GB free on ${host.spec.name}`;
    if (error === null && plan.fails) error = "simulated failure";
    const result: TaskResult = {
      ...plainSuccess(error === null ? OUTPUT : "", time.nowMs() - beganMs),
      outcome: error === null ? "complete" : "failed",
      error,
      modelUsed: doing.modelUsed,
      tokensIn: doing.tokensIn,
      tokensOut: doing.tokensOut,
      traffic: this.clients.trafficSince(trafficBefore),
    };
    this.around.told?.(plan, result);
    return result;
  }

  close(): Promise<void> {
    return this.clients.close();
  }
}

const OUTPUT = "All checks passed; the change is in place.";

/** One task in hand, its conversations included. */
class TaskUnderWay {
  modelUsed = "none";
  tokensIn = 0;
  tokensOut = 0;
  private readonly task: AssignedTask;
  private readonly plan: TaskPlan;
  private readonly work: WorkUnderWay;
  private readonly around: PlannedWork;
  private readonly clients: ModelClients;
  private readonly messages: ChatMessage[] = [];
  private claude: ClaudeConversation | undefined;

  constructor(task: AssignedTask, plan: TaskPlan, work: WorkUnderWay, around: PlannedWork, clients: ModelClients) {
    this.task = task;
    this.plan = plan;
    this.work = work;
    this.around = around;
    this.clients = clients;
  }

  /** Null, or why it could not be done. */
  async run(): Promise<string | null> {
    for (const phase of this.plan.phases) {
      const answer = await this.phase(phase);
      if (!answer) continue;
      if (!answer.ok) return answer.error;
      this.tokensIn += answer.inputTokens;
      this.tokensOut += answer.outputTokens;
    }
    return null;
  }

  private async phase(phase: WorkPhase): Promise<ModelAnswer | undefined> {
    const { host } = this.around;
    const { signal } = this.work;
    switch (phase.kind) {
      case "cpu":
        await host.compute(phase, signal);
        return undefined;
      case "wait":
        await host.wait(phase.ms, signal);
        return undefined;
      case "ollama":
        return this.reached("the Ollama endpoint", () => this.ollama(phase));
      case "claude":
        return this.reached("the Claude API", () => this.step(phase));
    }
  }

  private async ollama({ newTokens, outputTokens }: Extract<WorkPhase, { kind: "ollama" }>): Promise<ModelAnswer> {
    const { selected_endpoint: endpoint, selected_model: selected } = this.task.assignment.routing_decision ?? {};
    if (!endpoint) return { ok: false, error: "the hub selected no Ollama endpoint" };
    const model = selected ?? this.around.ollamaModel;
    this.modelUsed = model;
    // Each task's first message is its own, or the endpoint would find another's prefix in its slot.
    const opening = this.messages.length === 0 ? `task ${this.around.seed}.${this.plan.number} ` : "";
    this.messages.push({ role: "user", content: textOfTokens(newTokens, opening) });
    const { contextTokens } = this.around;
    const { signal } = this.work;
    const round = { model, messages: this.messages, outputTokens, contextTokens, signal, onTokens: this.tellTokens(model) };
    const answer = await askOllama(this.clients.ollama(endpoint), round);
    if (answer.ok) this.messages.push({ role: "assistant", content: answer.text });
    return answer;
  }

  private async step({ promptTokens, newTokens, outputTokens, maxTokens }: Extract<WorkPhase, { kind: "claude" }>) {
    const { seed, claudeModel: model, apiKey, host, time } = this.around;
    const { number, session } = this.plan;
    this.modelUsed = model;
    this.claude ??= new ClaudeConversation({ session, seed, contextTokens: promptTokens - newTokens });
    this.claude.append(newTokens, `task ${number} `);
    const { signal } = this.work;
    const answer = await askClaude(this.clients.claude, {
      model,
      body: this.claude.body({ model, maxTokens }),
      apiKey,
      answerTokens: outputTokens,
      signal,
      onTokens: this.tellTokens(model),
      pause: (wait) => host.wait("fleetMs" in wait ? wait.fleetMs : wait.realMs * time.scale, signal),
      random: seededRandom(seed + 1, number),
      unixMs: () => time.realUnixMs(0),
    });
    if (answer.ok) this.claude.answered(answer.text);
    return answer;
  }

  /** Whatever goes wrong between here and the service fails the task, and nothing but the task; a signal ends it. */
  private async reached(what: string, ask: () => Promise<ModelAnswer>): Promise<ModelAnswer> {
    try {
      return await ask();
    } catch (error) {
      if (this.work.signal.aborted || !(error instanceof Error)) throw error;
      return { ok: false, error: `${what} ${error instanceof NoAnswer ? "cannot be reached" : "broke off"}: ${error.message}` };
    }
  }

  private tellTokens(model: string): OnTokens {
    return (text, tokens) => this.work.onProgress({ type: "token", text, tokens, model });
  }
}

/** As the hub routed it; unknown or absent: the plan's own. */
function tierOf({ assignment }: AssignedTask): WorkTier | undefined {
  const tier = assignment.routing_decision?.effective_tier;
  return tier === "trivial" || tier === "standard" || tier === "complex" ? tier : undefined;
}

const gb = (bytes: number) => Math.round(bytes / 1e8) / 10;
