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

/** One 100 ms window of streamed tokens. `text` must need no escaping. */
export function progressFrame(taskId: string, text: string, tokensSoFar: number, model: string, nowMs: number): string {
  return `{"type":"task_progress","task_id":"${taskId}","execution_event":{"event_type":"token","text":"${text}","tokens_so_far":${tokensSoFar},"model":"${model}","timestamp":${nowMs}},"protocol_version":1}`;
}

export interface WorkReport {
  taskId: string;
  generation: number;
  /** When the work ended, Unix milliseconds. */
  endedMs: number;
  workMs: number;
  tokensOut: number;
  /** Text of the result; must need no escaping. */
  output: string;
}

/** A verified success: 862 bytes as recorded, with the output and ids of that task. */
export function completeFrame(work: WorkReport): string {
  const report = verificationReport(work);
  const result = `{"status":"success","output":"${work.output}","model_used":"none","tokens_in":0,"tokens_out":${work.tokensOut},"estimated_cost_usd":0,"equivalent_claude_cost_usd":null,"execution_ms":${Math.round(work.workMs)},"verification_status":"verified","verification_attempts":1,"termination_reason":null,"iterations_used":null}`;
  return `{"type":"task_complete","task_id":"${work.taskId}","result":${result},"generation":${work.generation},"verification_report":${report},"verification_history":[${report}],"protocol_version":1}`;
}

/** A failed execution, as the recorded sidecar reports it: a completion whose result says `failed`. */
export function failedResultFrame(work: WorkReport): string {
  return `{"type":"task_complete","task_id":"${work.taskId}","result":{"status":"failed","output":"","model_used":"none","tokens_in":0,"tokens_out":0,"estimated_cost_usd":0,"equivalent_claude_cost_usd":null,"execution_ms":${Math.round(work.workMs)},"verification_status":"execution_failed","verification_attempts":0,"termination_reason":null,"iterations_used":null},"generation":${work.generation},"verification_report":null,"verification_history":[],"protocol_version":1}`;
}

export function failedFrame(work: WorkReport): string {
  return `{"type":"task_failed","task_id":"${work.taskId}","generation":${work.generation},"error":"simulated failure","protocol_version":1}`;
}

export interface ResourceSample {
  cpuPercent: number;
  ramUsedBytes: number;
  ramTotalBytes: number;
}

export function resourceReportFrame(agentId: string, sample: ResourceSample, nowMs: number): string {
  return `{"type":"resource_report","agent_id":"${agentId}","cpu_percent":${sample.cpuPercent},"ram_used_bytes":${sample.ramUsedBytes},"ram_total_bytes":${sample.ramTotalBytes},"vram_used_bytes":null,"vram_total_bytes":null,"timestamp":${nowMs},"protocol_version":1}`;
}

/** Whether an id can be put between quotes as it is. A hub's task id that cannot is refused as a protocol error. */
export function plainId(id: string): boolean {
  return /^[\w.:-]{1,128}$/.test(id);
}

function verificationReport(work: WorkReport): string {
  return `{"task_id":"${work.taskId}","run_number":1,"status":"auto_pass","started_at":${work.endedMs},"duration_ms":0,"timeout_ms":120000,"checks":[],"summary":{"total":0,"passed":0,"failed":0,"errors":0,"timed_out":0}}`;
}
