/** The LLM endpoints: registered durably, polled for health by every node, and shown to routing. */
import type { EndpointView } from "@hubscale/hub-core";
import { LIMITS, type LlmEndpoint, TIMERS } from "@hubscale/protocol";
import { endpointHostOf } from "./endpoint-address.ts";
import { type EndpointModels, PROBES_AT_ONCE } from "./endpoint-probe.ts";
import type { HostResourceBoard } from "./host-resources.ts";
import type { BusEvent, Clock, EndpointStore } from "./ports.ts";

export interface EndpointRegistryOptions {
  clock: Clock;
  store: EndpointStore;
  resources: HostResourceBoard;
  allowLinkLocal: boolean;
  /** Whether the agent is connected to any node. */
  isOnline(agentId: string): boolean;
  probe(host: string, port: number): Promise<EndpointModels>;
  publish(event: BusEvent): void;
  /** Registrations or health changed: an occasion to schedule. */
  onChange(): void;
  log(line: string): void;
}

/** `name`: of the agent that reports it, or as an administrator calls it; default: its host. */
export interface EndpointRequest {
  host: string;
  port: number;
  name: string | null | undefined;
  source: LlmEndpoint["source"];
}

/** `detail`: for `errors` of a 422. */
export type RegisteredEndpoint = { ok: true; endpoint: LlmEndpoint } | { ok: false; detail: string };

interface PolledEndpoint {
  shown: LlmEndpoint;
  failures: number;
  /** By the monotonic clock. */
  healthyAtMs: number;
}

export class EndpointRegistry {
  readonly #options: EndpointRegistryOptions;
  readonly #endpoints = new Map<string, PolledEndpoint>();
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

  /**
   * Durable when it resolves; health is known a poll later. What an agent reports that is known already stays as it is: agents of
   * one host report the same.
   */
  async register({ name, port, source, ...request }: EndpointRequest): Promise<RegisteredEndpoint> {
    const { allowLinkLocal, clock, publish, store } = this.#options;
    const named = endpointHostOf(request.host, { allowLinkLocal });
    if (!named.ok) return named;
    const { host } = named;
    const id = `${host}:${port}`;
    const known = this.get(id);
    if (known && (source === "sidecar" || known.name === (name ?? host))) return { ok: true, endpoint: known };
    const endpoint: LlmEndpoint = {
      id,
      host,
      port,
      name: name ?? host,
      source,
      status: "unknown",
      models: [],
      loaded_models: [],
      registered_at: clock.nowMs(),
      last_checked_at: null,
    };
    const detail = known ? undefined : this.#isTooMany(endpoint);
    if (detail !== undefined) return { ok: false, detail };
    // Before it is stored, so that none comes in beside it that would be one too many.
    if (!known) this.#endpoints.set(id, { shown: endpoint, failures: 0, healthyAtMs: clock.monotonicMs() });
    try {
      await store.save(endpoint);
    } catch (error) {
      if (!known) this.#endpoints.delete(id);
      throw error;
    }
    if (!known) void this.#pollInTurn(id);
    publish({ type: "endpoints_changed" });
    return { ok: true, endpoint };
  }

  #isTooMany({ name, source }: LlmEndpoint): string | undefined {
    if (this.#endpoints.size >= LIMITS.endpoints) return `the hub polls at most ${LIMITS.endpoints} endpoints: remove one`;
    if (source !== "sidecar") return undefined;
    const own = this.list().filter((each) => each.source === source && each.name === name).length;
    return own < LIMITS.endpointsPerAgent ? undefined : `an agent may report at most ${LIMITS.endpointsPerAgent} endpoints`;
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
      else {
        const healthyAtMs = this.#options.clock.monotonicMs();
        this.#endpoints.set(endpoint.id, { shown: { ...endpoint, status: "unknown" }, failures: 0, healthyAtMs });
      }
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
    const { clock, probe, log, onChange, isOnline } = this.#options;
    const before = polled.shown.status;
    try {
      const { models, loadedModels } = await probe(polled.shown.host, polled.shown.port);
      polled.failures = 0;
      polled.healthyAtMs = clock.monotonicMs();
      polled.shown = { ...polled.shown, status: "healthy", models, loaded_models: loadedModels };
    } catch (error) {
      polled.failures++;
      if (polled.failures >= TIMERS.endpointFailures)
        polled.shown = { ...polled.shown, status: "unhealthy", loaded_models: [] };
      if (polled.failures === TIMERS.endpointFailures) log(`endpoint ${id} is unhealthy: ${(error as Error).message}`);
    }
    polled.shown = { ...polled.shown, last_checked_at: clock.nowMs() };
    if (polled.shown.status !== before) onChange();
    const { source, name } = polled.shown;
    const isForgotten = clock.monotonicMs() - polled.healthyAtMs >= TIMERS.endpointForgottenMs;
    if (source !== "sidecar" || !isForgotten || isOnline(name)) return;
    log(
      `endpoint ${id} is forgotten: ${JSON.stringify(name)}, which reported it, is away, and it has not answered for an hour`,
    );
    // Tried again at the next poll when the store cannot answer now.
    await this.remove(id).catch((error: Error) => log(`endpoint ${id} could not be removed: ${error.message}`));
  }
}
