import {
  acceptedFrame,
  type Clock,
  completeFrame,
  plainSuccess,
  rejectedFrame,
  stateReportFrame,
  tokenFrame,
} from "@hubscale/sidecar-sim";
import { AgentCrew } from "./agent-crew.ts";
import { type Flight, type Held, type HeldLoad, type HeldLoadSetting, HoldRecord, type HoldShape, until } from "./held-load.ts";
import { type HistoryVerdict, RunHistory } from "./history-check.ts";
import { lookUpTasks } from "./look-up.ts";
import type { HubFrame, PlainAgent } from "./plain-agent.ts";
import { Submitter } from "./submitter.ts";
import { taskBody } from "./task-body.ts";

interface Work {
  taskId: string;
  generation: number;
  assignedAtMs: number;
  tokens: number;
  /** Questions for this task that wait for their answers, oldest first. */
  asked: Flight[];
}

/** A model of 50 tokens a second, batched as the sidecar does: ten frames a second. */
const FRAME_EVERY_MS = 100;
const TOKENS_PER_FRAME = 5;
const TEXT = "word ".repeat(TOKENS_PER_FRAME);
/**
 * A frame of progress has no answer. So each agent also asks, once a second at most, whether its task is still its own
 * (`state_report`): the answer comes behind the frames that wait, in the same connection and the same table.
 */
const QUESTIONS_PER_SEC_MAX = 50;
const ANSWERS_WITHIN_MS = 2_000;
const SUBMIT_AGAIN_AFTER_MS = 5_000;

/** Agents that each hold one task and stream their progress. They keep their tasks from trial to trial and end them at the close. */
export class StreamingLoad implements HeldLoad {
  readonly #setting: HeldLoadSetting;
  readonly #clock: Clock;
  readonly #crew: AgentCrew;
  readonly #history = new RunHistory();
  readonly #works = new Map<PlainAgent, Work>();
  readonly #indexOf = new Map<PlainAgent, number>();
  #submitter: Submitter | undefined;
  #record: HoldRecord | undefined;

  constructor(setting: HeldLoadSetting, clock: Clock) {
    this.#setting = setting;
    this.#clock = clock;
    this.#crew = new AgentCrew(
      setting,
      (frame, agent) => this.#heard(frame, agent),
      (agent) => this.#record?.failed(`${agent.agentId} was disconnected`),
    );
  }

  async hold(shape: HoldShape): Promise<Held> {
    const amount = Math.max(1, Math.round(shape.amount));
    const submitter = (this.#submitter ??= await this.#newSubmitter());
    await this.#crew.grow(amount, (agents) => this.#giveTasks(agents, submitter));
    const streaming = this.#crew.agents.slice(0, amount);
    // Of an earlier trial that could not begin some may have none.
    await this.#giveTasks(streaming, submitter);
    const clock = this.#clock;
    const startMs = clock.monotonicMs();
    const perSec = Math.min(amount, QUESTIONS_PER_SEC_MAX);
    const record = new HoldRecord(clock, shape, startMs, (perSec * shape.durationMs) / 1000);
    this.#record = record;
    const stop = this.#stream(streaming, startMs);
    const stopAsking = this.#ask(streaming, record, startMs, 1000 / perSec);
    const held = await record.watch(ANSWERS_WITHIN_MS, stopAsking);
    const seconds = (clock.monotonicMs() - startMs) / 1000;
    stop();
    this.#record = undefined;
    return { ...held, carried: amount * seconds };
  }

  async close(): Promise<HistoryVerdict> {
    for (const [agent, work] of this.#works) {
      const { taskId, generation } = work;
      agent.send(completeFrame({ taskId, generation, endedMs: this.#clock.nowMs(), result: RESULT }));
      this.#history.note({ type: "outcome_sent", taskId, generation, agent: this.#indexOf.get(agent) ?? 0 });
    }
    const limitMs = this.#clock.monotonicMs() + COMPLETE_WITHIN_MS;
    while (this.#works.size > 0 && this.#clock.monotonicMs() < limitMs)
      await until(this.#clock, this.#clock.monotonicMs() + 20);
    if (this.#submitter) {
      const agentIds = new Set(this.#crew.agents.map(({ agentId }) => agentId));
      await lookUpTasks(this.#history, {
        clock: this.#clock,
        submitter: this.#submitter,
        isOurs: (agentId) => agentIds.has(agentId),
        note: (event) => this.#history.note(event),
      });
    }
    await this.#crew.close();
    await this.#submitter?.close();
    return this.#history.verdict();
  }

  /** All frames of one tick leave together; the agents are spread over ten ticks. */
  #stream(agents: readonly PlainAgent[], startMs: number): () => void {
    let tick = 0;
    let isOver = false;
    const next = () => {
      if (isOver) return;
      for (let i = tick % TICKS; i < agents.length; i += TICKS) this.#progress(agents[i] as PlainAgent);
      tick++;
      this.#clock.after(startMs + tick * (FRAME_EVERY_MS / TICKS) - this.#clock.monotonicMs(), next);
    };
    next();
    return () => {
      isOver = true;
    };
  }

  #progress(agent: PlainAgent): void {
    const work = this.#works.get(agent);
    if (!work) return;
    work.tokens += TOKENS_PER_FRAME;
    agent.send(tokenFrame(work.taskId, TEXT, work.tokens, "simulated", this.#clock.nowMs()));
  }

  #ask(agents: readonly PlainAgent[], record: HoldRecord, startMs: number, everyMs: number): () => void {
    let asked = 0;
    let isOver = false;
    const next = () => {
      if (isOver) return;
      const agent = agents[asked % agents.length] as PlainAgent;
      const work = this.#works.get(agent);
      if (work) {
        work.asked.push(record.sent(startMs + asked * everyMs));
        agent.send(stateReportFrame(work));
      }
      asked++;
      this.#clock.after(Math.max(0, startMs + asked * everyMs - this.#clock.monotonicMs()), next);
    };
    next();
    return () => {
      isOver = true;
    };
  }

  /**
   * A task for each of them, all at once: whoever else is connected holds one already, so each goes to one of these. A hub may still
   * hand two that come together to one agent; what is missing after a while is submitted again.
   */
  async #giveTasks(agents: readonly PlainAgent[], submitter: Submitter): Promise<void> {
    for (const agent of agents) if (!this.#indexOf.has(agent)) this.#indexOf.set(agent, this.#indexOf.size);
    const limitMs = this.#clock.monotonicMs() + this.#setting.limitMs;
    let againMs = 0;
    for (;;) {
      const without = agents.filter((agent) => !this.#works.has(agent));
      if (without.length === 0) return;
      const nowMs = this.#clock.monotonicMs();
      if (nowMs > limitMs) {
        const who = without.length === 1 ? without[0]?.agentId : `${without.length} of ${agents.length} new agents`;
        throw new Error(`${who} got no task within ${this.#setting.limitMs} ms`);
      }
      if (nowMs >= againMs) {
        againMs = nowMs + SUBMIT_AGAIN_AFTER_MS;
        for (const _ of without) this.#submit(submitter);
      }
      await until(this.#clock, nowMs + 2);
    }
  }

  async #newSubmitter(): Promise<Submitter> {
    const submitterId = `${this.#setting.prefix}-submitter`;
    const tokens = await this.#crew.tokensOf([submitterId]);
    return new Submitter({ httpUrls: this.#setting.http, token: tokens.get(submitterId) ?? "", connectionsPerNode: 4 });
  }

  #submit(submitter: Submitter): void {
    this.#history.note({ type: "submitted" });
    submitter.submit(TASK, (submission) => {
      if (submission.ok) this.#history.note({ type: "acknowledged", taskId: submission.taskId });
      else if ("isProtocolFault" in submission) this.#history.note({ type: "protocol_fault", what: submission.error });
    });
  }

  #heard(frame: HubFrame, agent: PlainAgent): void {
    const work = this.#works.get(agent);
    const taskId = frame.task_id ?? "";
    switch (frame.type) {
      case "task_assign":
        this.#assigned(frame, agent, work);
        return;
      case "state_report_ack": {
        if (work?.taskId !== taskId) return;
        const flight = work.asked.shift();
        if (flight) this.#record?.arrivedAt(flight, this.#clock.monotonicMs());
        if (frame.action !== "continue") this.#record?.failed(`${agent.agentId} was told to abort its task`);
        return;
      }
      case "task_ack":
        if (frame.status === "complete" && work?.taskId === taskId) {
          const { generation } = work;
          this.#history.note({
            type: "outcome_acked",
            taskId,
            generation,
            agent: this.#indexOf.get(agent) ?? 0,
            status: "complete",
          });
          this.#works.delete(agent);
        }
        return;
      case "rate_limited":
      case "error":
        this.#record?.failed(`${agent.agentId}: ${frame.error ?? frame.type}`);
        return;
      default:
        return;
    }
  }

  #assigned(frame: HubFrame, agent: PlainAgent, held: Work | undefined): void {
    const { task_id: taskId, generation } = frame;
    if (taskId === undefined || generation === undefined) {
      this.#history.note({ type: "protocol_fault", what: "task_assign without a usable task_id or generation" });
      return;
    }
    this.#history.note({ type: "assigned", taskId, generation, agent: this.#indexOf.get(agent) ?? 0 });
    if (held) return agent.send(rejectedFrame(taskId));
    this.#works.set(agent, { taskId, generation, assignedAtMs: frame.assigned_at ?? 0, tokens: 0, asked: [] });
    agent.send(acceptedFrame(taskId));
  }
}

const TICKS = 10;
const COMPLETE_WITHIN_MS = 15_000;
const RESULT = plainSuccess("Done.", 0);
const TASK = taskBody({ descriptionChars: 200, metadataBytes: 100 });
