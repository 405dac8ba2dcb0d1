/** The connections of one agent: one to the API, and one to each endpoint that a hub has sent it to. */
import type { ScaledTime } from "../stubs/scaled-time.ts";
import type { TaskTraffic, Traffic } from "../task-executor.ts";
import { CLAUDE_BOUNDS, OLLAMA_BOUNDS } from "./answer-bounds.ts";
import { CountedClient } from "./counted-client.ts";

export class ModelClients {
  readonly claude: CountedClient;
  private readonly time: ScaledTime;
  private readonly endpoints = new Map<string, CountedClient>();

  constructor(claudeUrl: string, time: ScaledTime) {
    this.time = time;
    this.claude = new CountedClient(claudeUrl, { time, bounds: CLAUDE_BOUNDS });
  }

  /** `host:port`, as the hub names endpoints. */
  ollama(endpoint: string): CountedClient {
    const known = this.endpoints.get(endpoint);
    if (known) return known;
    const client = new CountedClient(`http://${endpoint}`, { time: this.time, bounds: OLLAMA_BOUNDS });
    this.endpoints.set(endpoint, client);
    return client;
  }

  traffic(): TaskTraffic {
    const ollama = { upBytes: 0, downBytes: 0 };
    for (const client of this.endpoints.values()) {
      const { upBytes, downBytes } = client.traffic();
      ollama.upBytes += upBytes;
      ollama.downBytes += downBytes;
    }
    return { ollama, api: this.claude.traffic() };
  }

  trafficSince(before: TaskTraffic): TaskTraffic {
    const now = this.traffic();
    return { ollama: less(now.ollama, before.ollama), api: less(now.api, before.api) };
  }

  async close(): Promise<void> {
    await Promise.all([this.claude, ...this.endpoints.values()].map((client) => client.close()));
  }
}

function less(now: Traffic, before: Traffic): Traffic {
  return { upBytes: now.upBytes - before.upBytes, downBytes: now.downBytes - before.downBytes };
}
