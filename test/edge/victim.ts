/** An agent that does its work honestly, and the one who gives it: what they have to wait for while others flood the hub. */
import type { ConformanceContext } from "@hubscale/hub-runtime/testing";

export interface Waits {
  count: number;
  msP50: number;
  msP99: number;
  msMax: number;
}

export class Victim {
  readonly #agent: Awaited<ReturnType<ConformanceContext["agent"]>>;
  readonly #http: string;

  private constructor(agent: Awaited<ReturnType<ConformanceContext["agent"]>>, http: string) {
    this.#agent = agent;
    this.#http = http;
  }

  static async join(context: ConformanceContext, http: string): Promise<Victim> {
    return new Victim(await context.agent("victim"), http);
  }

  /** Task after task until `isOver`; from each submission to the acknowledged completion. */
  async work(isOver: () => boolean): Promise<Waits> {
    const waitsMs: number[] = [];
    while (!isOver()) {
      const startMs = performance.now();
      await this.#oneTask();
      waitsMs.push(performance.now() - startMs);
      // Not as fast as it can: it is to be a bystander, not one more flood.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    waitsMs.sort((a, b) => a - b);
    const at = (share: number) => waitsMs[Math.min(waitsMs.length - 1, Math.floor(share * waitsMs.length))] ?? Number.NaN;
    return { count: waitsMs.length, msP50: at(0.5), msP99: at(0.99), msMax: at(1) };
  }

  async #oneTask(): Promise<void> {
    const { agentId, client, token } = this.#agent;
    const response = await fetch(`${this.#http}/api/tasks`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ description: "Change how the parser reads numbers.", assign_to: agentId }),
    });
    const { task_id: taskId } = (await response.json()) as { task_id: string };
    const { generation } = await client.takeAssign(taskId);
    client.send({ type: "task_accepted", task_id: taskId });
    client.send({ type: "task_complete", task_id: taskId, generation, result: { status: "ok" } });
    await client.take((frame) => frame.type === "task_ack" && frame["status"] === "complete" && frame["task_id"] === taskId);
    client.inbox.length = 0;
  }
}
