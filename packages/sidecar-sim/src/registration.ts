import type { RegisterAgentAnswer } from "@hubscale/protocol";
import { Pool } from "undici";

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

/** A refusal of one registration; ends the whole. */
class Refused extends Error {
  readonly code: "taken" | "unreachable" | "refused";
  constructor(code: "taken" | "unreachable" | "refused", detail: string) {
    super(detail);
    this.code = code;
  }
}

/** When the hub says 429 without saying for how long. */
const DEFAULT_WAIT_MS = 6_000;

/**
 * Registers agents over `POST /api/onboard/register`. Waits as long as the hub asks for when it limits the rate. On a refusal
 * the tokens that were given out before it come with the answer, since they cannot be asked for a second time.
 */
export async function register(options: RegistrationOptions): Promise<Registration> {
  const { agentIds, signal } = options;
  const pools = options.httpUrls.map(
    (url) => new Pool(url, { connections: Math.max(1, Math.ceil(options.requestsInFlight / options.httpUrls.length)) }),
  );
  const tokens: Tokens = new Map();
  let next = 0;
  let failure: Refused | undefined;
  // One waiter for all: requests in flight that are refused together wait together.
  let pause: Promise<void> | undefined;
  const worker = async () => {
    while (next < agentIds.length && !failure && !signal?.aborted) {
      const agentId = agentIds[next] as string;
      const pool = pools[next++ % pools.length] as Pool;
      for (;;) {
        if (pause) await pause;
        const answer = await registerOne(pool, agentId, signal);
        if (answer.token !== undefined) {
          tokens.set(agentId, answer.token);
          break;
        }
        if (!pause) {
          options.onWait(answer.waitMs, tokens.size, agentIds.length);
          pause = delay(answer.waitMs, signal).finally(() => {
            pause = undefined;
          });
        }
      }
    }
  };
  const guarded = () =>
    worker().catch((error: unknown) => {
      if (signal?.aborted) return;
      if (!(error instanceof Refused)) throw error;
      failure ??= error;
    });
  try {
    await Promise.all(Array.from({ length: options.requestsInFlight }, guarded));
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
  }
  if (failure) return { ok: false, code: failure.code, tokens, detail: failure.message };
  if (signal?.aborted) return { ok: false, code: "stopped", tokens, detail: "stopped" };
  return { ok: true, tokens };
}

async function registerOne(
  pool: Pool,
  agentId: string,
  signal: AbortSignal | undefined,
): Promise<{ token: string } | { token: undefined; waitMs: number }> {
  const response = await pool
    .request({
      method: "POST",
      path: "/api/onboard/register",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ agent_id: agentId }),
      ...(signal ? { signal } : {}),
    })
    .catch((error: unknown) => {
      throw new Refused("unreachable", describe(error));
    });
  const text = await response.body.text();
  if (response.statusCode === 429) return { token: undefined, waitMs: waitOf(response.headers["retry-after"], text) };
  if (response.statusCode === 409) throw new Refused("taken", agentId);
  if (response.statusCode !== 201) throw new Refused("refused", `HTTP ${response.statusCode} ${text.slice(0, 200)}`);
  const { token } = JSON.parse(text) as Partial<RegisterAgentAnswer>;
  if (typeof token !== "string") throw new Refused("refused", `no token in the answer: ${text.slice(0, 200)}`);
  return { token };
}

/** The body says milliseconds, the header seconds; the body is the finer. */
function waitOf(header: string | string[] | undefined, text: string): number {
  const fromBody = /"retry_after_ms":\s*(\d+)/.exec(text)?.[1];
  if (fromBody !== undefined) return Number(fromBody);
  const seconds = Number(header);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : DEFAULT_WAIT_MS;
}

function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || (code ?? error.name);
}
