/** One task by hand through a running hub, to have the texts that a task consists of on its wire and in its store. */
import { SidecarClient } from "@hubscale/hub-runtime/testing";
import { acceptedFrame, completeFrame, plainSuccess } from "@hubscale/sidecar-sim";
import type { RunningHub } from "../drivers/index.ts";
import type { TaskTexts } from "./primitive-protocol.ts";

const ANSWER_WITHIN_MS = 10_000;

/** `submitBody`: as the load generator sends it. The hub must be idle. Throws when the hub does not do the task. */
export async function recordTask(
  { ws, http }: Pick<RunningHub, "ws" | "http">,
  { agentId, submitBody, output }: { agentId: string; submitBody: string; output: string },
): Promise<TaskTexts> {
  const url = http[0] as string;
  const registered = await call(url, "POST", "/api/onboard/register", JSON.stringify({ agent_id: agentId }));
  const { token } = JSON.parse(registered) as { token: string };
  const client = await SidecarClient.connect(ws[0] as string, ANSWER_WITHIN_MS);
  try {
    client.send({ type: "identify", agent_id: agentId, token, capabilities: ["code"] });
    await client.take("identified");
    const submitAnswer = await call(url, "POST", "/api/tasks", submitBody, token);
    const assign = await client.take("task_assign");
    const taskId = assign["task_id"] as string;
    const accepted = acceptedFrame(taskId);
    client.sendText(accepted);
    const acceptedAck = await client.take("task_ack");
    const generation = assign["generation"] as number;
    const complete = completeFrame({ taskId, generation, endedMs: Date.now(), result: plainSuccess(output, 0) });
    client.sendText(complete);
    const completeAck = await client.take("task_ack");
    const row = await call(url, "GET", `/api/tasks/${taskId}`, undefined, token);
    return {
      submitBody,
      submitAnswer,
      assign: JSON.stringify(assign),
      accepted,
      acceptedAck: JSON.stringify(acceptedAck),
      complete,
      completeAck: JSON.stringify(completeAck),
      row,
      token,
    };
  } finally {
    await client.close();
  }
}

async function call(url: string, method: string, path: string, body: string | undefined, token?: string): Promise<string> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 200)}`);
  return text;
}
