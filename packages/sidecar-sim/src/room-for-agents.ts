/** Beside the agents: HTTP connections, Node's own, the modules that it loads. */
const SPARE_FILES = 200;

/** Whether that many agents can have a connection each, `limit` being the open files of a process; `processes`: how many are needed. */
export function roomForAgents(
  { agents, processes }: { agents: number; processes: number },
  limit: number | undefined,
): { ok: true } | { ok: false; needed: number; limit: number; processes: number } {
  const needed = Math.ceil(agents / processes) + SPARE_FILES;
  if (limit === undefined || needed <= limit) return { ok: true };
  return { ok: false, needed, limit, processes: Math.ceil(agents / Math.max(1, limit - SPARE_FILES)) };
}
