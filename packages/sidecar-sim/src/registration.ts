import { LIMITS, type RegisterAgentAnswer } from "@hubscale/protocol";
import { Pool } from "undici";
import { systemClock } from "./clock.ts";
import { type AnswerHeaders, boundedHubRetryMs, retryAfterMs } from "./retry-after.ts";

export interface RegistrationOptions {
  /** HTTP URLs of the hub's nodes, used round robin. */
  httpUrls: readonly string[];
  agentIds: readonly string[];
  requestsInFlight: number;
  /** The hub limits registrations and said how long to wait. `done` of `total` are registered. */
  onWait(waitMs: number, done: number, total: number): void;
  signal?: AbortSignal;
}

/** Tokens by agent id. */
export type Tokens = Map<string, string>;

export type Registration =
  | { ok: true; tokens: Tokens }
  | { ok: false; code: "taken" | "unreachable" | "refused" | "stopped"; tokens: Tokens; detail: string };

/** When the hub says 429 without saying for how long. */
const DEFAULT_WAIT_MS = 6_000;

/** A hub that registers thousands at once has each answer ready within seconds; one that is silent for so long does not answer. */
const ANSWER_WITHIN_MS = 60_000;

/**
 * Registers agents over `POST /api/onboard/register`. Waits as long as the hub asks for when it limits the rate, up to
 * HUB_RETRY_MS_MAX at a time. On a refusal
 * the tokens that were given out before it come with the answer, since they cannot be asked for a second time.
 */
export async function register(options: RegistrationOptions): Promise<Registration> {
  const { agentIds, signal } = options;
  const pools = options.httpUrls.map(
    (url) =>
      new Pool(url, {
        connections: Math.max(1, Math.ceil(options.requestsInFlight / options.httpUrls.length)),
        headersTimeout: ANSWER_WITHIN_MS,
        bodyTimeout: ANSWER_WITHIN_MS,
        maxResponseSize: LIMITS.payloadBytes,
      }),
  );
  const tokens: Tokens = new Map();
  const work: Work = { remaining: agentIds.entries(), failure: undefined, pause: undefined };
  const worker = async () => {
    for (const [index, agentId] of work.remaining) {
      const token = await tokenFor(agentId, pools[index % pools.length] as Pool, tokens, work, options);
      if (token === undefined) return;
      tokens.set(agentId, token);
    }
  };
  // Ends the requests under way; on a signal for each request the listeners would pile up.
  const stop = () => {
    for (const pool of pools) void pool.destroy();
  };
  signal?.addEventListener("abort", stop, { once: true });
  await Promise.all(Array.from({ length: Math.min(options.requestsInFlight, agentIds.length) }, worker));
  signal?.removeEventListener("abort", stop);
  if (signal?.aborted) return { ok: false, code: "stopped", tokens, detail: "stopped" };
  await Promise.all(pools.map((pool) => pool.close()));
  if (work.failure) return { ok: false, code: work.failure.code, tokens, detail: work.failure.detail };
  return { ok: true, tokens };
}

/** What the workers share. */
interface Work {
  remaining: IterableIterator<[number, string]>;
  failure: Refusal | undefined;
  /** One wait for all: requests that were refused together wait together. */
  pause: Promise<void> | undefined;
}

/** Undefined: the whole is over, by a refusal or by the signal. */
async function tokenFor(agentId: string, pool: Pool, tokens: Tokens, work: Work, options: RegistrationOptions) {
  for (;;) {
    await work.pause;
    if (work.failure || options.signal?.aborted) return undefined;
    const answer = await registerOne(pool, agentId);
    switch (answer.kind) {
      case "token":
        return answer.token;
      case "refusal":
        work.failure ??= answer;
        return undefined;
      case "wait":
        if (work.pause) break;
        options.onWait(answer.waitMs, tokens.size, options.agentIds.length);
        work.pause = delay(answer.waitMs, options.signal).finally(() => {
          work.pause = undefined;
        });
    }
  }
}

interface Refusal {
  kind: "refusal";
  code: "taken" | "unreachable" | "refused";
  detail: string;
}

async function registerOne(
  pool: Pool,
  agentId: string,
): Promise<{ kind: "token"; token: string } | { kind: "wait"; waitMs: number } | Refusal> {
  const refusal = (code: Refusal["code"], detail: string): Refusal => ({ kind: "refusal", code, detail });
  let status: number;
  let headers: AnswerHeaders;
  let text: string;
  try {
    const response = await pool.request({
      method: "POST",
      path: "/api/onboard/register",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ agent_id: agentId }),
    });
    status = response.statusCode;
    headers = response.headers;
    text = await response.body.text();
  } catch (error) {
    return refusal("unreachable", describe(error));
  }
  if (status === 429) return { kind: "wait", waitMs: waitOf(headers, text) };
  if (status === 409) return refusal("taken", agentId);
  if (status !== 201) return refusal("refused", `HTTP ${status} ${text.slice(0, 200)}`);
  const token = tokenIn(text);
  if (token === undefined) return refusal("refused", `no token in the answer: ${text.slice(0, 200)}`);
  return { kind: "token", token };
}

/** It becomes a part of a header. */
const TOKEN = new RegExp(`^[\\x21-\\x7e]{1,${LIMITS.tokenChars}}$`);

function tokenIn(text: string): string | undefined {
  try {
    const { token } = JSON.parse(text) as Partial<RegisterAgentAnswer>;
    return typeof token === "string" && TOKEN.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}

/** The body says milliseconds, the header mostly seconds; the body is the finer. */
function waitOf(headers: AnswerHeaders, text: string): number {
  const fromBody = /"retry_after_ms":\s*(\d+)/.exec(text)?.[1];
  return boundedHubRetryMs(fromBody === undefined ? (retryAfterMs(headers, Date.now()) ?? DEFAULT_WAIT_MS) : Number(fromBody));
}

function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const cancel = systemClock.after(ms, done);
    signal?.addEventListener("abort", done, { once: true });
    function done() {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

/** Some connection errors carry their reason in the code alone. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
}
