/** The hub that is tried: its addresses checked, its doors knocked at, before the first case runs. */
import type { BackplaneDescription } from "@hubscale/hub-runtime";
import { type ConformanceTarget, SidecarClient } from "@hubscale/hub-runtime/testing";

export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string };

/** A WebSocket URL without a path gets the contract's `/ws`; without `http` it is the same host and port. */
export function parseTarget(ws: string, http: string | undefined): Parsed<ConformanceTarget> {
  const wsUrl = URL.canParse(ws) ? new URL(ws) : undefined;
  if (wsUrl?.protocol !== "ws:" && wsUrl?.protocol !== "wss:") {
    return { ok: false, problem: `--target: '${ws}' is not a WebSocket URL, such as ws://127.0.0.1:4000/ws` };
  }
  if (wsUrl.pathname === "/") wsUrl.pathname = "/ws";
  const httpUrl = URL.canParse(http ?? "") ? new URL(http ?? "") : undefined;
  if (http !== undefined && httpUrl?.protocol !== "http:" && httpUrl?.protocol !== "https:") {
    return { ok: false, problem: `--http: '${http}' is not an HTTP URL, such as http://127.0.0.1:4000` };
  }
  const origin = httpUrl ?? new URL(wsUrl.href.replace(/^ws/, "http"));
  return { ok: true, value: { ws: wsUrl.href, http: origin.origin } };
}

const ANSWER_WITHIN_MS = 5_000;

/** Undefined when agents can be registered and connected; else what stands in the way and what to do. Leaves nothing behind. */
export async function obstacleAt({ ws, http, registrationToken }: ConformanceTarget): Promise<string | undefined> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (registrationToken !== undefined) headers["authorization"] = `Bearer ${registrationToken}`;
  let status: number;
  try {
    // A registration without an id: refused in any case, but the way in which it is tells who may register.
    const answer = await fetch(`${http}/api/onboard/register`, {
      method: "POST",
      headers,
      body: "{}",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    await answer.arrayBuffer();
    status = answer.status;
  } catch (error) {
    return `no hub answers at ${http} (${reasonOf(error)}); is it running, and is the address right?`;
  }
  if (status === 401) return `${http} wants the operator's token for registrations: give --token-file FILE`;
  if (status === 403) return `${http} registers no agents (its registration is closed), and every case needs some`;
  if (status !== 422 && status !== 429)
    return `${http} answered ${status} to a registration without an agent id: is it a task hub?`;
  try {
    const client = await SidecarClient.connect(ws, ANSWER_WITHIN_MS);
    await client.close();
  } catch (error) {
    return `${http} answers, but ${ws} takes no WebSocket (${reasonOf(error)})`;
  }
  return undefined;
}

/** What the hub says of itself; null when it is none of ours. */
export async function descriptionOf({ http }: ConformanceTarget): Promise<BackplaneDescription | null> {
  const answer = await fetch(`${http}/api/describe`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  const text = await answer.text();
  if (!answer.ok) return null;
  try {
    return JSON.parse(text) as BackplaneDescription;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The cause says more than `fetch failed`. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  if (!(cause instanceof Error)) return message;
  return cause.message || (cause as NodeJS.ErrnoException).code || message;
}
