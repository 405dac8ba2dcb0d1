/** What a case of the conformance suite is, and what it may use. Nothing here knows a test runner. */
import type { SubmitTaskAnswer, Task } from "@hubscale/protocol";
import { type AnyFrame, SidecarClient } from "./sidecar-client.ts";

export interface ConformanceTarget {
  /** `ws://host:port/ws` */
  ws: string;
  /** `http://host:port` */
  http: string;
  /** The operator's token, for a hub with `--registration token`. */
  registrationToken?: string;
}

export interface ConformanceCase {
  name: string;
  /** The row or section of docs/wire.md that it tests. */
  covers: string;
  /** Throws what is wrong; throws `NotApplicable` where the hub lacks what the case needs. */
  run(target: ConformanceTarget, context: ConformanceContext): Promise<void>;
}

/** The case cannot be tried on this hub; neither passed nor failed. */
export class NotApplicable extends Error {}

export interface CaseOutcome {
  name: string;
  covers: string;
  status: "passed" | "failed" | "not_applicable";
  /** Empty when it passed. */
  detail: string;
  elapsedMs: number;
}

export interface HttpAnswer {
  status: number;
  /** Parsed; undefined where the answer was no JSON. */
  body: unknown;
  headers: Headers;
}

export interface HttpRequest {
  token?: string;
  /** A string goes as it is, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface TestAgent {
  agentId: string;
  token: string;
  client: SidecarClient;
}

const REGISTER = "/api/onboard/register";

/** Clients and names for one case. Everything that it opens is closed after the case. */
export class ConformanceContext {
  readonly #target: ConformanceTarget;
  readonly #suffix: string;
  readonly #clients: SidecarClient[] = [];
  readonly timeoutMs: number;
  #submitterToken: string | undefined;

  constructor(target: ConformanceTarget, timeoutMs: number) {
    this.#target = target;
    this.#suffix = crypto.randomUUID().slice(0, 8);
    this.timeoutMs = timeoutMs;
  }

  /** A name that no other case or run uses. */
  unique(name: string): string {
    return `${name}-${this.#suffix}`;
  }

  /** Waits and tries again when it is told to by 429. */
  async http(method: string, path: string, request: HttpRequest = {}): Promise<HttpAnswer> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.httpOnce(method, path, request);
      const waitMs = (answer.body as { retry_after_ms?: number } | undefined)?.retry_after_ms ?? 1_000;
      if (answer.status !== 429 || attempt === RATE_LIMIT_RETRIES) return answer;
      await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, MAX_WAIT_MS)));
    }
  }

  async httpOnce(method: string, path: string, { token, body, ...more }: HttpRequest = {}): Promise<HttpAnswer> {
    const headers: Record<string, string> = { ...more.headers };
    const bearer = token ?? (path === REGISTER ? this.#target.registrationToken : undefined);
    if (bearer !== undefined) headers["authorization"] = `Bearer ${bearer}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(`${this.#target.http}${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(this.timeoutMs),
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text), headers: response.headers };
  }

  /** A token for a new agent. */
  async register(agentId: string): Promise<string> {
    const answer = await this.http("POST", REGISTER, { body: { agent_id: agentId } });
    if (answer.status !== 201) throw new Error(`registration of ${agentId} answered ${answer.status}`);
    return (answer.body as { token: string }).token;
  }

  async connect(): Promise<SidecarClient> {
    const client = await SidecarClient.connect(this.#target.ws, this.timeoutMs);
    this.#clients.push(client);
    return client;
  }

  /** Registered, connected, identified. */
  async agent(name: string, identify: Record<string, unknown> = {}): Promise<TestAgent> {
    const agentId = this.unique(name);
    return this.identify(agentId, await this.register(agentId), identify);
  }

  async identify(agentId: string, token: string, identify: Record<string, unknown> = {}): Promise<TestAgent> {
    const client = await this.connect();
    client.send({ type: "identify", agent_id: agentId, token, name: agentId, capabilities: [], ...identify });
    await client.take("identified");
    return { agentId, token, client };
  }

  /** The token of an agent that only submits and asks. */
  async submitter(): Promise<string> {
    return (this.#submitterToken ??= await this.register(this.unique("submitter")));
  }

  /** Submits a task and returns its id. Name an agent or a capability of the case's own, or others may take the task. */
  async submit(body: Record<string, unknown>): Promise<string> {
    const answer = await this.http("POST", "/api/tasks", {
      token: await this.submitter(),
      body: { description: "fix typo in the read me", complexity_tier: "trivial", ...body },
    });
    if (answer.status !== 201) throw new Error(`submission answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return (answer.body as SubmitTaskAnswer).task_id;
  }

  async task(taskId: string): Promise<Task> {
    const answer = await this.http("GET", `/api/tasks/${taskId}`, { token: await this.submitter() });
    if (answer.status !== 200) throw new Error(`GET of task ${taskId} answered ${answer.status}`);
    return answer.body as Task;
  }

  /** Submits a task for this agent and accepts it. */
  async handTask(
    agent: TestAgent,
    body: Record<string, unknown> = {},
  ): Promise<AnyFrame & { task_id: string; generation: number }> {
    const taskId = await this.submit({ assign_to: agent.agentId, ...body });
    const assign = await agent.client.takeAssign(taskId);
    agent.client.send({ type: "task_accepted", task_id: taskId });
    await agent.client.take((frame) => frame.type === "task_ack" && frame["task_id"] === taskId);
    return assign;
  }

  /** Tries until `look` throws no more, or throws its last error when time is up. */
  async eventually<T>(look: () => Promise<T>): Promise<T> {
    const endMs = Date.now() + this.timeoutMs;
    for (;;) {
      try {
        return await look();
      } catch (error) {
        if (Date.now() > endMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}

/** Throws `NotApplicable` for a hub that is not of this project, which need not have what the recorded wire has not. */
export async function needsDescription(context: ConformanceContext, what: string): Promise<void> {
  const { status } = await context.http("GET", "/api/describe");
  if (status !== 200) throw new NotApplicable(`this hub does not describe itself: whether it has ${what} is not known`);
}

/** Runs one case and says how it went; never rejects. */
export async function runConformanceCase(
  conformanceCase: ConformanceCase,
  target: ConformanceTarget,
  { timeoutMs = 5_000 }: { timeoutMs?: number } = {},
): Promise<CaseOutcome> {
  const { name, covers } = conformanceCase;
  const context = new ConformanceContext(target, timeoutMs);
  const startedAt = performance.now();
  const outcome = (status: CaseOutcome["status"], detail = ""): CaseOutcome => ({
    name,
    covers,
    status,
    detail,
    elapsedMs: performance.now() - startedAt,
  });
  try {
    await conformanceCase.run(target, context);
    return outcome("passed");
  } catch (error) {
    const { message } = error as Error;
    return outcome(error instanceof NotApplicable ? "not_applicable" : "failed", message);
  } finally {
    await context.close();
  }
}

/** With the reference's limits one registration takes at most 6 s to be let in; more agents wait in turn. */
const RATE_LIMIT_RETRIES = 20;
const MAX_WAIT_MS = 10_000;

const LOOK_EVERY_MS = 20;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
