import type { ProgressEvent, TaskResult } from "./task-executor.ts";

/**
 * The frames that a sidecar sends, as text. Fields, their order and their sizes are those of the recorded sidecar. Written as
 * templates: at thousands of tasks a second, building and stringifying objects would be a large part of the load generator.
 * Ids come from this project or from a hub and hold no character that JSON escapes (see `plainId`).
 */
export const PING = '{"type":"ping","protocol_version":1}';

export interface SidecarIdentity {
  agentId: string;
  token: string;
  capabilities: readonly string[];
  ollamaUrl: string | null;
}

export function identifyFrame(identity: SidecarIdentity): string {
  const { agentId, token, capabilities, ollamaUrl } = identity;
  return JSON.stringify({
    type: "identify",
    agent_id: agentId,
    token,
    name: agentId,
    status: "idle",
    capabilities,
    client_type: "sidecar",
    protocol_version: 1,
    ...(ollamaUrl === null ? {} : { ollama_url: ollamaUrl }),
  });
}

export function ollamaReportFrame(ollamaUrl: string): string {
  return `{"type":"ollama_report","ollama_url":${JSON.stringify(ollamaUrl)},"protocol_version":1}`;
}

export function acceptedFrame(taskId: string): string {
  return `{"type":"task_accepted","task_id":"${taskId}","protocol_version":1}`;
}

export function rejectedFrame(taskId: string): string {
  return `{"type":"task_rejected","task_id":"${taskId}","reason":"busy","protocol_version":1}`;
}

export function recoveringFrame(taskId: string): string {
  return `{"type":"task_recovering","task_id":"${taskId}","protocol_version":1}`;
}

export function stateReportFrame(task: { taskId: string; generation: number; assignedAtMs: number }): string {
  return `{"type":"state_report","task_id":"${task.taskId}","status":"working","generation":${task.generation},"assigned_at":${task.assignedAtMs},"protocol_version":1}`;
}

/** One 100 ms window of streamed tokens. */
export function tokenFrame(taskId: string, text: string, tokensSoFar: number, model: string, nowMs: number): string {
  return `{"type":"task_progress","task_id":"${taskId}","execution_event":{"event_type":"token","text":${JSON.stringify(text)},"tokens_so_far":${tokensSoFar},"model":${JSON.stringify(model)},"timestamp":${nowMs}},"protocol_version":1}`;
}

/** What a tool printed, or what the sidecar itself has to say of the work. */
export function eventFrame(
  taskId: string,
  eventType: Exclude<ProgressEvent["type"], "token" | "steady_tokens">,
  text: string,
  nowMs: number,
): string {
  return `{"type":"task_progress","task_id":"${taskId}","execution_event":{"event_type":"${eventType}","text":${JSON.stringify(text)},"tokens_so_far":null,"model":null,"timestamp":${nowMs}},"protocol_version":1}`;
}

export interface WorkReport {
  taskId: string;
  generation: number;
  /** When the work ended, Unix milliseconds. */
  endedMs: number;
  result: TaskResult;
}

/** A verified success. */
export function completeFrame(work: WorkReport): string {
  const report = verificationReport(work);
  const result = resultText(work.result, '"success"', '"verification_status":"verified","verification_attempts":1');
  return `{"type":"task_complete","task_id":"${work.taskId}","result":${result},"generation":${work.generation},"verification_report":${report},"verification_history":[${report}],"protocol_version":1}`;
}

/** A failed execution, as the recorded sidecar reports it: a completion whose result says `failed`. */
export function failedResultFrame(work: WorkReport): string {
  const result = resultText(work.result, '"failed"', '"verification_status":"execution_failed","verification_attempts":0');
  return `{"type":"task_complete","task_id":"${work.taskId}","result":${result},"generation":${work.generation},"verification_report":null,"verification_history":[],"protocol_version":1}`;
}

export function failedFrame(work: WorkReport): string {
  const error = JSON.stringify(work.result.error ?? "failed");
  return `{"type":"task_failed","task_id":"${work.taskId}","generation":${work.generation},"error":${error},"protocol_version":1}`;
}

export interface ResourceSample {
  cpuPercent: number;
  ramUsedBytes: number;
  ramTotalBytes: number;
  /** Null: no GPU. */
  vramUsedBytes: number | null;
  vramTotalBytes: number | null;
}

export function resourceReportFrame(agentId: string, sample: ResourceSample, nowMs: number): string {
  return `{"type":"resource_report","agent_id":"${agentId}","cpu_percent":${sample.cpuPercent},"ram_used_bytes":${sample.ramUsedBytes},"ram_total_bytes":${sample.ramTotalBytes},"vram_used_bytes":${sample.vramUsedBytes},"vram_total_bytes":${sample.vramTotalBytes},"timestamp":${nowMs},"protocol_version":1}`;
}

/** Whether an id can be put between quotes as it is. A hub's task id that cannot is refused as a protocol error. */
export function plainId(id: string): boolean {
  return /^[\w.:-]{1,128}$/.test(id);
}

function resultText(result: TaskResult, status: string, verification: string): string {
  const output = status === '"success"' ? JSON.stringify(result.output) : '""';
  return `{"status":${status},"output":${output},"model_used":${JSON.stringify(result.modelUsed)},"tokens_in":${result.tokensIn},"tokens_out":${result.tokensOut},"estimated_cost_usd":${result.costUsd},"equivalent_claude_cost_usd":null,"execution_ms":${Math.round(result.workMs)},${verification},"termination_reason":null,"iterations_used":null}`;
}

function verificationReport(work: WorkReport): string {
  return `{"task_id":"${work.taskId}","run_number":1,"status":"auto_pass","started_at":${work.endedMs},"duration_ms":0,"timeout_ms":120000,"checks":[],"summary":{"total":0,"passed":0,"failed":0,"errors":0,"timed_out":0}}`;
}
