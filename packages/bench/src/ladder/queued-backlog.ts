/** A data folder with tasks that wait and that nobody can take, to start hubs on copies of it. */
import { startHub } from "../drivers/index.ts";
import type { ProcessCare } from "../machine/index.ts";
import type { ServerSources } from "../provisioning/index.ts";
import { sampleId } from "../calibrate/task-sample.ts";

export interface BacklogOptions {
  care: ProcessCare;
  sources: ServerSources;
  /** A folder to be. */
  folder: string;
  tasks: number;
}

/** Requests under way at once: enough for the hub to commit them in groups. */
const AT_ONCE = 16;

/**
 * Submits through the front door of the repaired hub, which is quick at it; the rows are the same for all single hubs. The tier
 * is trivial since other queued tasks expire after ten minutes.
 */
export async function makeQueuedBacklog({ care, sources, folder, tasks }: BacklogOptions): Promise<void> {
  const started = await startHub(
    { kind: "single", profile: "tuned", fixes: [] },
    { care, sources, durability: "fsync", keptFolder: folder },
  );
  if (!started.ok) throw new Error(started.refusal.message);
  const { hub } = started;
  try {
    const [http = ""] = hub.http;
    const { token } = await post<{ token: string }>(`${http}/api/onboard/register`, { agent_id: "backlog" });
    for (let submitted = 0; submitted < tasks; submitted += AT_ONCE) {
      const count = Math.min(AT_ONCE, tasks - submitted);
      await Promise.all(Array.from({ length: count }, (_, i) => post(`${http}/api/tasks`, taskBody(submitted + i), token)));
    }
  } finally {
    await hub.stop();
  }
}

function taskBody(n: number) {
  return {
    description: `wait for an agent that can do it, ${sampleId(n)}`,
    complexity_tier: "trivial",
    needed_capabilities: ["that-no-agent-has"],
  };
}

async function post<T>(url: string, body: unknown, token?: string): Promise<T> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
