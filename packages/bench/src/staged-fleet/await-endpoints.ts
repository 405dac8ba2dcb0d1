/** Waits until a hub knows the endpoints of a fleet to be healthy: standard tasks that come before that find none. */
import type { Clock } from "@hubscale/sidecar-sim";

export interface EndpointWait {
  http: string;
  token: string;
  /** `http://address:port` of each. */
  urls: readonly string[];
  /** A hub polls its endpoints every 30 s at the latest. */
  limitMs: number;
  clock: Clock;
  signal?: AbortSignal;
}

const LOOK_EVERY_MS = 100;

/** False: not all of them within the limit, or the hub does not say. */
export async function awaitEndpoints({ http, token, urls, limitMs, clock, signal }: EndpointWait): Promise<boolean> {
  const endMs = clock.monotonicMs() + limitMs;
  const wanted = urls.map((url) => new URL(url).host);
  while (clock.monotonicMs() < endMs) {
    if (signal?.aborted) return false;
    const healthy = await healthyEndpoints(http, token);
    if (wanted.every((id) => healthy.has(id))) return true;
    await new Promise<void>((resolve) => {
      clock.after(LOOK_EVERY_MS, resolve);
    });
  }
  return false;
}

/** Their ids, `host:port`. Whatever goes wrong: none, and the next look may see more. */
async function healthyEndpoints(http: string, token: string): Promise<ReadonlySet<string>> {
  try {
    const answer = await fetch(`${http}/api/admin/llm-registry`, { headers: { authorization: `Bearer ${token}` } });
    if (answer.status !== 200) return new Set();
    const { endpoints } = (await answer.json()) as { endpoints?: { id: string; status: string }[] };
    return new Set((endpoints ?? []).filter(({ status }) => status === "healthy").map(({ id }) => id));
  } catch (error) {
    if (error instanceof Error) return new Set();
    throw error;
  }
}
