/** The edges' events between nodes. The events of one turn of the event loop travel together, as far as a message may hold them. */
import type { BusEvent, Clock } from "@hubscale/hub-runtime";
import { LIMITS } from "@hubscale/protocol";
import type { Broadcast } from "./backbone.ts";
import { arraysWithin } from "./message-parts.ts";

export class EventBus {
  readonly #broadcast: Broadcast;
  readonly #clock: Clock;
  #batch: BusEvent[] = [];

  constructor(broadcast: Broadcast, clock: Clock) {
    this.#broadcast = broadcast;
    this.#clock = clock;
  }

  publish(event: BusEvent): void {
    this.#batch.push(event);
    if (this.#batch.length > 1) return;
    this.#clock.after(0, () => {
      const batch = this.#batch;
      this.#batch = [];
      for (const message of arraysWithin(LIMITS.documentBytesMin, batch)) this.#broadcast.send("bus", message);
    });
  }

  subscribe(listener: (event: BusEvent) => void): Promise<void> {
    return this.#broadcast.listen("bus", (message) => {
      for (const event of JSON.parse(message) as BusEvent[]) listener(event);
    });
  }

  close(): Promise<void> {
    return this.#broadcast.close("bus");
  }
}
