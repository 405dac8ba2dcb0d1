/** Reading what a hub sends, at the least cost: presence is the bulk of it on a hub that tells everybody everything. */

/** The fields that a sidecar looks at, over all the frames that it looks into. Absent ones are undefined. */
export interface ReadFrame {
  type: string;
  task_id?: unknown;
  generation?: unknown;
  assigned_at?: unknown;
  status?: unknown;
  action?: unknown;
  error?: unknown;
  message_type?: unknown;
  retry_after_ms?: unknown;
  agent_id?: unknown;
  payload?: unknown;
}

const OPENINGS_OF_PRESENCE = ['{"type":"agent_joined"', '{"type":"agent_left"', '{"type":"status_changed"', '{"agent":{'].map(
  (opening) => Buffer.from(opening),
);
const SORTED_OPENING = Buffer.from('{"agent_id":');
const PONG_ENDING = Buffer.from('"type":"pong"}');
const AGENT_LEFT_ENDING = Buffer.from('"type":"agent_left"}');

/** True for `agent_joined`, `agent_left` and `status_changed`, seen by their first bytes (type first, or keys sorted). */
export function isPresence(data: Buffer): boolean {
  for (const opening of OPENINGS_OF_PRESENCE) {
    if (startsWith(data, opening)) return true;
  }
  return startsWith(data, SORTED_OPENING) && endsWith(data, AGENT_LEFT_ENDING);
}

/** True for a `pong` whose last key is its type, as a hub that sorts its keys sends it: the bulk of what an idle fleet hears. */
export function isPong(data: Buffer): boolean {
  return endsWith(data, PONG_ENDING);
}

/** A hub's frame, or undefined when it is not a JSON object with a type. */
export function readFrame(text: string): ReadFrame | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isFrame(value) ? value : undefined;
}

function isFrame(value: unknown): value is ReadFrame {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function startsWith(data: Buffer, opening: Buffer): boolean {
  if (data.length < opening.length) return false;
  // From the end of the opening: the first bytes are alike in all frames.
  for (let i = opening.length - 1; i >= 0; i--) {
    if (data[i] !== opening[i]) return false;
  }
  return true;
}

function endsWith(data: Buffer, ending: Buffer): boolean {
  const offset = data.length - ending.length;
  if (offset < 0) return false;
  for (let i = 0; i < ending.length; i++) {
    if (data[offset + i] !== ending[i]) return false;
  }
  return true;
}
