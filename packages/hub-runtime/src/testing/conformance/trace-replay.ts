/** The recorded sessions, played again: the same frames in, and the answers compared with the recorded ones, in order. */
import assert from "node:assert/strict";
import type { ConformanceCase, ConformanceContext } from "./conformance-case.ts";
import { type RecordedFrame, type RecordedLine, type RecordedRequest, recordedSession } from "./recorded-frames.ts";
import type { AnyFrame, SidecarClient } from "./sidecar-client.ts";
import { Aliases, differences } from "./trace-matching.ts";

export const traceCases: readonly ConformanceCase[] = [
  {
    name: "replay: one sidecar, four tasks of all tiers",
    covers: "recorded session 1",
    run: (_target, context) => replay(context, recordedSession(["sidecar"], false), "agent-1"),
  },
  {
    name: "replay: two agents, a submitter, a stranger",
    covers: "recorded session 2",
    run: (_target, context) => replay(context, beforeRateLimits(recordedSession(["alice", "bob", "bad"], true)), "alice"),
  },
];

/** The session ends in a burst of submissions up to the rate limit, which has cases of its own. */
function beforeRateLimits(lines: RecordedLine[]): RecordedLine[] {
  const end = lines.findIndex((line) => "http" in line && line.http.body?.["description"] === "rl 0");
  assert.ok(end > 0, "the recording has no burst at its end");
  return lines.slice(0, end);
}

async function replay(context: ConformanceContext, lines: readonly RecordedLine[], worker: string): Promise<void> {
  const session = new Replay(context, worker);
  for (const line of inCausalOrder(lines)) {
    if ("http" in line) await session.request(line.http);
    else if (line.direction === "in") await session.send(line.connection, line.frame);
    else session.expect(line.connection, line.frame as RecordedFrame);
  }
  await session.settle();
}

/** A request was recorded at its answer: the room's frames, which came before, belong behind it. */
function inCausalOrder(lines: readonly RecordedLine[]): RecordedLine[] {
  const isRoom = (line: RecordedLine) => "frame" in line && (line.frame as RecordedFrame).type === "room_message";
  const room = lines.filter(isRoom);
  return lines.flatMap((line) => {
    if (isRoom(line)) return [];
    return "http" in line && line.http.path === "/api/room/message" ? [line, ...room] : [line];
  });
}

class Replay {
  readonly #context: ConformanceContext;
  readonly #aliases = new Aliases();
  readonly #tokens = new Map<string, string>();
  readonly #clients = new Map<string, SidecarClient>();
  readonly #expected: { connection: string; frame: RecordedFrame }[] = [];
  readonly #failedTasks = new Set<unknown>();
  /** Tasks are given to this agent by name, so that no other client of the hub takes them. */
  readonly #worker: string;

  constructor(context: ConformanceContext, worker: string) {
    this.#context = context;
    this.#worker = worker;
    for (const name of ["agent-1", "alice", "bob", "sub"]) this.#aliases.set(name, context.unique(name));
  }

  async request(recorded: RecordedRequest): Promise<void> {
    await this.settle();
    // What is read may be known to the node that answers a moment later than to the agents' own.
    const answer =
      recorded.method === "GET" ? await this.#context.eventually(() => this.#ask(recorded)) : await this.#ask(recorded);
    const { token } = answer as { token?: string };
    if (token !== undefined) this.#tokens.set(recorded.body?.["agent_id"] as string, token);
  }

  /** The body of the answer, which is as recorded. */
  async #ask({ method, path, auth, body, status, response }: RecordedRequest): Promise<unknown> {
    const answer = await this.#context.http(method, this.#translatePath(path), {
      ...(auth ? { token: await this.#token("sub") } : {}),
      ...(body === null ? {} : { body: this.#submittable(path, body) }),
    });
    const label = `${method} ${path}`;
    assert.equal(answer.status, status, label);
    this.#compare(label, response, answer.body, true);
    return answer.body;
  }

  async send(connection: string, frame: RecordedFrame | "not json"): Promise<void> {
    await this.settle();
    const client = await this.#client(connection);
    if (frame === "not json") return client.sendText(frame);
    if ((frame["result"] as { status?: string } | undefined)?.status === "failed") this.#failedTasks.add(frame["task_id"]);
    const token = frame.type === "identify" ? { token: await this.#token(frame["agent_id"] as string) } : {};
    client.send({ ...this.#aliases.translate(frame), ...token });
  }

  expect(connection: string, frame: RecordedFrame): void {
    this.#expected.push({ connection, frame });
  }

  /** Waits for all that has been expected so far, in order on each connection. */
  async settle(): Promise<void> {
    for (let next = this.#expected.shift(); next; next = this.#expected.shift()) {
      await this.#provoke(next.connection, next.frame);
      const client = await this.#client(next.connection);
      const actual = await client.take((frame) => this.#isOurs(frame));
      this.#compare(`${next.connection}, ${next.frame.type}`, this.#asMended(next.frame, actual), actual, false);
    }
  }

  /** Does what the recording does not hold but shows the effect of. */
  async #provoke(connection: string, frame: RecordedFrame): Promise<void> {
    if (frame.type === "task_assign" && !this.#aliases.has(frame["task_id"] as string)) {
      const { description, metadata, complexity } = frame as unknown as {
        description: string;
        metadata: unknown;
        complexity: Explicit;
      };
      const tier = complexity.explicit_tier === null ? {} : { complexity_tier: complexity.explicit_tier };
      const token = await this.#token("sub");
      // One try only: a hub that does not take a failed result for a completion must not hand the task out again.
      const body = { description, metadata, ...tier, max_retries: 1, assign_to: this.#aliases.get(this.#worker) };
      assert.equal((await this.#context.http("POST", "/api/tasks", { token, body })).status, 201);
    }
    if (frame.type === "agent_left") await this.#clients.get(frame["agent_id"] as string)?.close();
    if (frame["error"] === "not_identified") (await this.#client(connection)).send({ type: "ping" });
    if (frame["error"] === "invalid_token") {
      (await this.#client(connection)).send({ type: "identify", agent_id: this.#context.unique("bad"), token: "0".repeat(64) });
    }
  }

  /** The recorded hub stores a completion with a failed result as completed; one without that wart treats it as a failure. */
  #asMended(recorded: RecordedFrame, actual: AnyFrame): RecordedFrame {
    const isMended =
      this.#failedTasks.has(recorded["task_id"]) && recorded.type === "task_ack" && actual["status"] === "dead_letter";
    return isMended && recorded["status"] === "complete" ? { ...recorded, status: "dead_letter" } : recorded;
  }

  #compare(label: string, recorded: unknown, actual: unknown, allowsMore: boolean): void {
    const found = differences(recorded, actual, { aliases: this.#aliases, allowsMore });
    assert.equal(found.length, 0, `${label}\n  ${found.join("\n  ")}`);
  }

  /** Not the news of agents that are no part of the replay, nor a warning that tells of our own haste. */
  #isOurs(frame: AnyFrame): boolean {
    if (frame.type === "rate_limit_warning") return false;
    const agentId = (frame["agent"] as { agent_id: string } | undefined)?.agent_id ?? frame["agent_id"];
    if (frame.type !== "agent_joined" && frame.type !== "agent_left" && frame.type !== "status_changed") return true;
    return this.#aliases.actualNames().has(agentId as string);
  }

  async #client(connection: string): Promise<SidecarClient> {
    const known = this.#clients.get(connection);
    if (known) return known;
    const client = await this.#context.connect();
    this.#clients.set(connection, client);
    return client;
  }

  async #token(name: string): Promise<string> {
    const known = this.#tokens.get(name);
    if (known !== undefined) return known;
    const token = await this.#context.register(this.#context.unique(name));
    this.#tokens.set(name, token);
    return token;
  }

  #translatePath(path: string): string {
    return path
      .split("/")
      .map((part) => this.#aliases.get(part) ?? part)
      .join("/");
  }

  #submittable(path: string, body: Record<string, unknown>): Record<string, unknown> {
    const translated = this.#aliases.translate(body);
    return path === "/api/tasks" && "description" in body
      ? { ...translated, assign_to: this.#aliases.get(this.#worker) }
      : translated;
  }
}

interface Explicit {
  explicit_tier: string | null;
}
