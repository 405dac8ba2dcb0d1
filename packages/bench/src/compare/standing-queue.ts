/** Tasks that wait in a hub and that no agent of ours can take: a queue that every pass has to look at. */
import { register } from "@hubscale/sidecar-sim";

/** Requests under way at once: a slow hub answers one after the other anyway. */
const AT_ONCE = 8;

/** Rejects when the hub refuses one. Tier trivial: other queued tasks expire after ten minutes. */
export async function fillQueue(http: readonly string[], tasks: number, submitterId: string): Promise<void> {
  if (tasks === 0) return;
  const registered = await register({
    httpUrls: http,
    agentIds: [submitterId],
    requestsInFlight: 1,
    onWait: () => undefined,
  });
  if (!registered.ok) throw new Error(`the submitter of the queue could not be registered: ${registered.detail}`);
  const token = registered.tokens.get(submitterId) as string;
  for (let done = 0; done < tasks; done += AT_ONCE) {
    const count = Math.min(AT_ONCE, tasks - done);
    await Promise.all(Array.from({ length: count }, (_, i) => submit(http[i % http.length] as string, token)));
  }
}

const TASK = JSON.stringify({
  description: "wait for an agent that can do it",
  complexity_tier: "trivial",
  needed_capabilities: ["that-no-agent-has"],
});

async function submit(http: string, token: string): Promise<void> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const answer = await fetch(`${http}/api/tasks`, { method: "POST", headers, body: TASK });
  if (!answer.ok) throw new Error(`a task for the queue was answered ${answer.status}: ${await answer.text()}`);
}
