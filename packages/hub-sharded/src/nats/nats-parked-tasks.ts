/** Parked tasks: an entry of the hub's bucket for each, with what it still waits for. */
import type { ParkedTasks } from "../backbone.ts";
import type { HubBucket } from "./hub-bucket.ts";

interface Parked {
  pending: string[];
  sinceMs: number;
}

const KIND = "parked";

export class NatsParkedTasks implements ParkedTasks {
  readonly #bucket: HubBucket;

  constructor(bucket: HubBucket) {
    this.#bucket = bucket;
  }

  async register(taskId: string, pending: readonly string[], atMs: number): Promise<void> {
    await this.#bucket.set(JSON.stringify({ pending: [...pending], sinceMs: atMs } satisfies Parked), KIND, taskId);
  }

  async strike(taskId: string, completed: readonly string[]): Promise<number> {
    for (;;) {
      const { revision, text } = await this.#bucket.read(KIND, taskId);
      if (text === undefined) return 0;
      const parked = JSON.parse(text) as Parked;
      const pending = parked.pending.filter((each) => !completed.includes(each));
      if (pending.length === parked.pending.length) return pending.length;
      if (await this.#bucket.update(JSON.stringify({ ...parked, pending }), revision, KIND, taskId)) return pending.length;
    }
  }

  async forget(taskId: string): Promise<void> {
    await this.#bucket.remove(KIND, taskId);
  }

  async list(): Promise<{ taskId: string; pending: string[]; sinceMs: number }[]> {
    const entries = await this.#bucket.entries(KIND);
    return entries.map(({ key, text }) => {
      const { pending, sinceMs } = JSON.parse(text) as Parked;
      return { taskId: key, pending, sinceMs };
    });
  }
}
