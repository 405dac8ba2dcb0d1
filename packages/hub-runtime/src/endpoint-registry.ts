/** The LLM endpoints: registered durably, polled for health by every node, and shown to routing. */
import type { EndpointView } from "@hubscale/hub-core";
import { type LlmEndpoint, TIMERS } from "@hubscale/protocol";
import { type EndpointModels, PROBES_AT_ONCE } from "./endpoint-probe.ts";
import type { HostResourceBoard } from "./host-resources.ts";
import type { BusEvent, Clock, EndpointStore } from "./ports.ts";

export interface EndpointRegistryOptions {
  clock: Clock;
  store: EndpointStore;
  resources: HostResourceBoard;
  probe(host: string, port: number): Promise<EndpointModels>;
  publish(event: BusEvent): void;
  /** Registrations or health changed: an occasion to schedule. */
  onChange(): void;
  log(line: string): void;
}

export class EndpointRegistry {
  readonly #options: EndpointRegistryOptions;
  readonly #endpoints = new Map<string, { shown: LlmEndpoint; failures: number }>();
  /** Endpoints whose poll is under way or waits its turn. */
  readonly #polls = new Map<string, Promise<void>>();
  readonly #turns: (() => void)[] = [];
  #underWay = 0;

  constructor(options: EndpointRegistryOptions) {
    this.#options = options;
  }

  list(): LlmEndpoint[] {
    return [...this.#endpoints.values()].map(({ shown }) => shown);
  }

  get(id: string): LlmEndpoint | undefined {
    return this.#endpoints.get(id)?.shown;
  }

  /** As routing sees them. */
  views(): EndpointView[] {
    const { resources } = this.#options;
    return this.list().map((endpoint) => ({
      id: endpoint.id,
      host: endpoint.host,
      healthy: endpoint.status === "healthy",
      models: endpoint.models,
      loadedModels: endpoint.loaded_models,
      resources: resources.get(endpoint.host),
    }));
  }

  /** Durable when it resolves; health is known a poll later. */
  async register(host: string, port: number, name: string, source: LlmEndpoint["source"]): Promise<LlmEndpoint> {
    const id = `${host}:${port}`;
    const known = this.get(id);
    const endpoint: LlmEndpoint = {
      id,
      host,
      port,
      name,
      source,
      status: "unknown",
      models: [],
      loaded_models: [],
      registered_at: this.#options.clock.nowMs(),
      last_checked_at: null,
    };
    if (known && known.name === name) return known;
    await this.#options.store.save(endpoint);
    this.#options.publish({ type: "endpoints_changed" });
    return endpoint;
  }

  /** False: there is none. */
  async remove(id: string): Promise<boolean> {
    const isRemoved = await this.#options.store.remove(id);
    if (isRemoved) this.#options.publish({ type: "endpoints_changed" });
    return isRemoved;
  }

  /** Reads the registrations again; the health of new ones is known a poll later, that of the others stays known. */
  async reload(): Promise<void> {
    const stored = await this.#options.store.list();
    const ids = new Set(stored.map(({ id }) => id));
    const removed = [...this.#endpoints.keys()].filter((id) => !ids.has(id));
    for (const id of removed) {
      this.#endpoints.delete(id);
      this.#polls.delete(id);
    }
    const added = stored.filter(({ id }) => !this.#endpoints.has(id));
    for (const endpoint of stored) {
      const known = this.#endpoints.get(endpoint.id);
      if (known) known.shown = { ...known.shown, name: endpoint.name, source: endpoint.source };
      else this.#endpoints.set(endpoint.id, { shown: { ...endpoint, status: "unknown" }, failures: 0 });
    }
    if (added.length + removed.length > 0) this.#options.onChange();
    for (const { id } of added) void this.#pollInTurn(id);
  }

  async pollAll(): Promise<void> {
    await Promise.all([...this.#endpoints.keys()].map((id) => this.#pollInTurn(id)));
  }

  /** Some at a time, however many there are, and none twice at once. */
  #pollInTurn(id: string): Promise<void> {
    const begun = this.#polls.get(id);
    if (begun) return begun;
    const polled = this.#turn()
      .then(() => this.#poll(id))
      .finally(() => {
        if (this.#polls.get(id) === polled) this.#polls.delete(id);
        const next = this.#turns.shift();
        if (next) next();
        else this.#underWay--;
      });
    this.#polls.set(id, polled);
    return polled;
  }

  #turn(): Promise<void> {
    if (this.#underWay >= PROBES_AT_ONCE) return new Promise((resolve) => this.#turns.push(resolve));
    this.#underWay++;
    return Promise.resolve();
  }

  /** Never rejects: what goes wrong is the endpoint's health. */
  async #poll(id: string): Promise<void> {
    const polled = this.#endpoints.get(id);
    if (!polled) return;
    const { clock, probe, log, onChange } = this.#options;
    const before = polled.shown.status;
    try {
      const { models, loadedModels } = await probe(polled.shown.host, polled.shown.port);
      polled.failures = 0;
      polled.shown = { ...polled.shown, status: "healthy", models, loaded_models: loadedModels };
    } catch (error) {
      polled.failures++;
      if (polled.failures >= TIMERS.endpointFailures)
        polled.shown = { ...polled.shown, status: "unhealthy", loaded_models: [] };
      if (polled.failures === TIMERS.endpointFailures) log(`endpoint ${id} is unhealthy: ${(error as Error).message}`);
    }
    polled.shown = { ...polled.shown, last_checked_at: clock.nowMs() };
    if (polled.shown.status !== before) onChange();
  }
}
