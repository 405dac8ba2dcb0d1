/**
 * kill -9 at random moments under load, many times: nothing that was acknowledged is lost, and nothing is done twice.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Task } from "@hubscale/protocol";
import { seededRandom } from "@hubscale/sidecar-sim";
import { describe, it } from "vitest";
import { HubProcess, temporaryFolder } from "./hub-process.ts";
import { ReturningAgent } from "./returning-agent.ts";

const AGENTS = 6;
const SUBMITTERS = 2;
/** A life ends after so many completions or fewer, and then at any moment of this time: on a slow machine too it has seen work. */
const COMPLETIONS_MAX = 4;
const MOMENT_MS = 40;
/** Each draws other moments; a failure can be had again with its seed, as far as a machine repeats itself. */
const SEED = Number(process.env["HUBSCALE_TEST_SEED"] ?? Date.now() % 1_000_000);

describe.concurrent.each([
  ["reference", 20],
  ["tuned", 40],
] as const)("the %s hub, killed %i times", (profile, kills) => {
  it(`loses no acknowledged task and no acknowledged completion, and completes none twice (seed ${SEED})`, async ({
    expect,
    onTestFinished,
  }) => {
    const folder = await temporaryFolder();
    onTestFinished(() => folder.remove());
    const start = () => HubProcess.ready(["--data", folder.path, "--profile", profile, "--retain-completed", "1000000"]);
    const random = seededRandom(SEED);
    const ledger = new Ledger();
    const agents: ReturningAgent[] = [];
    let hub = await start();
    for (let n = 0; n < AGENTS; n++) {
      agents.push(new ReturningAgent(`worker-${n}`, await hub.register(`worker-${n}`), (taskId) => ledger.completed(taskId)));
    }
    const token = await hub.register("submitter");
    for (let kill = 0; kill < kills; kill++) {
      const load = Promise.allSettled([
        ...agents.map((agent) => agent.workAt(hub)),
        ...Array.from({ length: SUBMITTERS }, () => submitForEver(hub, token, ledger)),
      ]);
      await ledger.heardOf(Math.floor(random() * (COMPLETIONS_MAX + 1)));
      await sleep(random() * MOMENT_MS);
      expect(await hub.kill("SIGKILL")).toMatchObject({ signal: "SIGKILL" });
      await load;
      hub = await start();
      expect(await ledger.faultsAt(hub, token), `after kill ${kill + 1}`).toEqual([]);
    }
    expect(ledger.counts.completed).toBeGreaterThan(kills);
    // Somebody must have been caught in the middle, or the kills proved nothing.
    expect(ledger.counts.acknowledged).toBeGreaterThan(ledger.counts.completed);
    expect(await ledger.faultsInAll(hub, token)).toEqual([]);
    await hub.kill("SIGTERM");
  }, 600_000);
});

/** Until the hub is gone. */
async function submitForEver(hub: HubProcess, token: string, ledger: Ledger): Promise<void> {
  for (;;) {
    const answer = await hub.call("POST", "/api/tasks", { token, body: { description: "echo", complexity_tier: "trivial" } });
    if (answer.status !== 201) throw new Error(`submission answered ${answer.status}`);
    ledger.acknowledged(answer.body["task_id"] as string);
  }
}

/** What the hub has said yes to. */
class Ledger {
  readonly #acknowledged = new Set<string>();
  readonly #completions = new Map<string, number>();
  /** Said since the last look at the hub. */
  #fresh = new Set<string>();
  #toCome = 0;
  #heard: (() => void) | undefined;

  acknowledged(taskId: string): void {
    this.#acknowledged.add(taskId);
    this.#fresh.add(taskId);
    this.#said();
  }

  completed(taskId: string): void {
    this.#completions.set(taskId, (this.#completions.get(taskId) ?? 0) + 1);
    this.#fresh.add(taskId);
    this.#toCome -= 1;
    this.#said();
  }

  get counts() {
    return { acknowledged: this.#acknowledged.size, completed: this.#completions.size };
  }

  /** Resolves when something was acknowledged, and so many completions. */
  heardOf(completions: number): Promise<void> {
    this.#toCome = completions;
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  #said(): void {
    if (this.#toCome <= 0) this.#heard?.();
  }

  /** Of the tasks that the hub spoke of in its last life. */
  async faultsAt(hub: HubProcess, token: string): Promise<string[]> {
    const taskIds = [...this.#fresh];
    this.#fresh = new Set();
    const found = await Promise.all(taskIds.map((taskId) => hub.call("GET", `/api/tasks/${taskId}`, { token })));
    return taskIds.flatMap((taskId, n) => {
      const answer = found[n];
      return this.#faultsOf(taskId, answer?.status === 200 ? (answer.body as unknown as Task) : undefined);
    });
  }

  /** Of all tasks since the first life. */
  async faultsInAll(hub: HubProcess, token: string): Promise<string[]> {
    const { body } = await hub.call("GET", "/api/tasks", { token });
    const stored = new Map((body["tasks"] as Task[]).map((task) => [task.id, task]));
    return [...this.#acknowledged].flatMap((taskId) => this.#faultsOf(taskId, stored.get(taskId)));
  }

  #faultsOf(taskId: string, task: Task | undefined): string[] {
    if (!task) return [`${taskId} is lost`];
    const acknowledged = this.#completions.get(taskId) ?? 0;
    const stored = task.history.filter(({ event }) => event === "completed").length;
    return [
      ...(acknowledged > 0 && task.status !== "completed" ? [`${taskId}: its completion is lost`] : []),
      ...(acknowledged > 1 || stored > 1 ? [`${taskId} was completed ${Math.max(acknowledged, stored)} times`] : []),
    ];
  }
}
