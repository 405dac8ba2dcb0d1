/** An engine that is slow, or silent: submissions are put off at once, agents stay, memory stays bounded, and all comes back by itself. */
import { Agent, request } from "node:http";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { FaultProxy, PausedProcesses } from "hubscale/faults";
import { readUsage } from "hubscale/machine";
import { afterEach, describe, expect, it } from "vitest";
import { until } from "./desk-node.ts";
import { NodeProcess, WireAgent } from "./node-process.ts";
import { natsForTests } from "./start-nats.ts";
import { redisForTests } from "./start-redis.ts";

const redis = redisForTests();
const nats = natsForTests();
let node: NodeProcess;
let wire: FaultProxy;
let token: string;
let agent: WireAgent;

/** A node with a wire to its engine that can be slowed down. */
async function startNode(engine: "redis" | "nats"): Promise<void> {
  const { backbone } = nats;
  const natsUrl = backbone.engine === "nats" ? (backbone.natsUrls[0] as string) : "";
  const monitor = backbone.engine === "nats" ? (backbone.natsMonitors[0] as string) : "";
  wire = await FaultProxy.listen({ host: "127.0.0.1", port: Number(new URL(engine === "redis" ? redis.url : natsUrl).port) });
  const place = [
    `--${engine}`,
    `${engine}://127.0.0.1:${wire.port}`,
    ...(engine === "nats" ? ["--nats-monitor", monitor] : []),
  ];
  const flags = ["--backbone", engine, ...place, "--namespace", `test-${systemRandomHex(4)}`];
  node = await NodeProcess.start(redis.care, ["--node", "one", ...flags]);
  token = await node.register("ada");
  agent = await WireAgent.connect(node, "ada", token);
  agent.onAssign = (frame) => agent.complete(frame);
}

afterEach(async () => {
  agent.close();
  await node.process.stop();
  await wire.close();
});

/** Submissions at a steady pace, whatever becomes of them. */
class Flood {
  readonly answers: Record<string, number> = {};
  waiting = 0;
  waitingMost = 0;
  sent = 0;
  lastAnswerMs = 0;
  readonly #http = new Agent({ keepAlive: true, maxSockets: 900 });
  readonly #body = JSON.stringify({ description: "x".repeat(8_000), assign_to: "nobody-at-all" });

  async run(total: number, perTick: number): Promise<void> {
    while (this.sent < total) {
      for (let i = 0; i < perTick; i++) this.#send();
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await until("all answers", () => this.waiting === 0);
    this.#http.destroy();
  }

  #send(): void {
    this.sent++;
    this.waitingMost = Math.max(this.waitingMost, ++this.waiting);
    const count = (answer: string) => {
      this.answers[answer] = (this.answers[answer] ?? 0) + 1;
      this.waiting--;
    };
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const submission = request(`${node.http}/api/tasks`, { method: "POST", agent: this.#http, headers }, (response) => {
      response.resume();
      response.on("end", () => count(`${response.statusCode} ${response.headers["retry-after"] ?? ""}`.trim()));
    });
    submission.on("error", (error: NodeJS.ErrnoException) => count(error.code ?? error.message));
    submission.end(this.#body);
  }
}

const TICK_MS = 10;
const rssMiB = () => (readUsage([node.process.pid])[0]?.rssBytes ?? 0) / 2 ** 20;

describe("a Redis that says nothing", () => {
  it("under a flood of submissions: 503 with retry-after, bounded memory, agents stay, and it ends when Redis is back", async () => {
    await startNode("redis");
    // Warm: what the node needs for a load like this, without any outage.
    await new Flood().run(1_500, 15);
    const before = rssMiB();
    const silence = PausedProcesses.of([redis.pid]);
    const flood = new Flood();
    let most = before;
    const watching = setInterval(() => {
      most = Math.max(most, rssMiB());
    }, 100);
    try {
      // At least seven seconds: longer than any command may wait for its answer.
      await flood.run(7_000, 10);
      // Refused at once by now: each that waited for Redis would take a second, and all of them longer than this test may.
      for (let i = 0; i < 100; i++) {
        const { status } = await node.call("POST", "/api/tasks", { token, body: { description: "one by one" } });
        expect(status).toBe(503);
      }
    } finally {
      clearInterval(watching);
      silence.resume();
    }
    const backMs = performance.now();
    await until("submissions to be taken", async () => {
      const { status } = await node.call("POST", "/api/tasks", { token, body: { description: "back" } });
      return status === 201;
    });
    const recoveryMs = performance.now() - backMs;
    const after = rssMiB();
    const inMiB = (value: number) => `${Math.round(value)} MiB`;
    process.stdout.write(
      `flood of ${flood.sent} submissions of 8 KB at a silent Redis: answers ${JSON.stringify(flood.answers)}, at most ${flood.waitingMost} ` +
        `waiting; RSS ${inMiB(before)} before, ${inMiB(most)} at most, ${inMiB(after)} after; taken again ${Math.round(recoveryMs)} ms after Redis was back\n`,
    );
    expect(Object.keys(flood.answers)).toEqual(["503 1"]);
    expect(most - before).toBeLessThan(200);
    expect(agent.isOpen).toBe(true);
    const next = await node.submit(token, { assign_to: "ada" });
    await until("the agent's task", () =>
      agent.heard.some((each) => each.type === "task_assign" && each.task_id === next.task_id),
    );
  });
});

describe("a slow way to the engine", () => {
  it.each(["redis", "nats"] as const)(
    "puts submissions off while answers of %s lag behind, and takes them again when they do not",
    async (engine) => {
      await startNode(engine);
      await node.submit(token);
      wire.slowDown(1_500);
      const flood = new Flood();
      await flood.run(400, 1);
      // Those that were sent before it was known are stored, late; the rest is put off.
      const { "201": stored = 0, "503 1": putOff = 0, ...others } = flood.answers;
      expect(others).toEqual({});
      expect(putOff).toBeGreaterThan(stored);
      expect(agent.isOpen).toBe(true);
      wire.heal();
      await until("submissions to be taken", async () => {
        const { status } = await node.call("POST", "/api/tasks", { token, body: { description: "back" } });
        return status === 201;
      });
    },
  );
});
