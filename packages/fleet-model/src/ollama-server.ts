/**
 * Ollama's scheduler as a state machine: events and the time go in, effects and the next due time come out. Which facts are from
 * its source is in parameters.md A (ollama/ollama HEAD fb3076099, 2026-08-21: server/sched.go, server/routes.go).
 *
 * - A request whose model is loaded with the same context goes to that model's queue, which has no bound.
 * - Any other waits for a load, MAX_QUEUE at most. One loop serves these in order and blocks on the first: while a model is
 *   unloaded to make room for it, or another is being loaded, nobody behind it gets on.
 * - A model that is marked to make room still takes requests, and a request's own keep_alive unmarks it: whoever waits for the room
 *   can wait for long, or, with an endless keep-alive, for ever.
 * - Cancelled requests keep their place in that queue until the loop comes to them.
 *
 * Simplified: at most one load at a time; loads neither stall nor run out of memory; models that are loaded share the GPU's time
 * in equal parts while they have work.
 */
import { neededBytes, placeModel, slotsOf } from "./model-placement.ts";
import type { LoadedModel, OllamaEffect, OllamaEvent, OllamaRequest } from "./ollama-request.ts";
import {
  defaultContextTokens,
  FIT_SHARE,
  MODELS_PER_GPU,
  type OllamaSettings,
  totalVramBytes,
  VRAM_RECOVERY_MS,
} from "./ollama-settings.ts";
import { Runner } from "./runner.ts";

/** A request on its way to a model that is not there. */
interface Pending {
  request: OllamaRequest;
  arrivedMs: number;
  cancelled: boolean;
}

interface Resident {
  runner: Runner;
  state: "loading" | "ready";
  /** End of the load, or of the keep-alive of an idle model; Infinity: neither. */
  dueMs: number;
  keepAliveMs: number;
  /** While loading: the requests for it, the one that caused the load first. Its leaving ends the load. */
  forLoad: Pending[];
}

export class OllamaServer {
  readonly settings: OllamaSettings;
  private nowMs: number;
  private readonly residents = new Map<string, Resident>();
  /** Memory of unloaded models until it is reported free. */
  private readonly recovering: { model: string; vramBytes: number; dueMs: number }[] = [];
  private head: Pending | undefined;
  /** What the loop waits for before it looks at `head` again: an unload of any model, or the end of a load. */
  private blockedOn: "unload" | "load" | undefined;
  private readonly queue = new Set<Pending>();
  /** Where each pending request is, for cancelling. */
  private readonly pendingById = new Map<string, Pending>();

  constructor(settings: OllamaSettings, nowMs: number) {
    this.settings = settings;
    this.nowMs = nowMs;
  }

  /** Lets time pass to `nowMs`, then applies the event. */
  handle(event: OllamaEvent, nowMs: number): OllamaEffect[] {
    const effects = this.advance(nowMs);
    switch (event.type) {
      case "request":
        this.arrive({ request: event.request, arrivedMs: this.nowMs, cancelled: false }, effects);
        break;
      case "cancel":
        this.cancel(event.id);
        break;
      case "unload":
        this.expire(event.model, effects);
        break;
    }
    this.settle(effects);
    return effects;
  }

  /** Lets time pass; effects bear the times at which they were due. */
  advance(nowMs: number): OllamaEffect[] {
    const effects: OllamaEffect[] = [];
    for (let dueMs = this.nextDueMs(); dueMs <= nowMs; dueMs = this.nextDueMs()) {
      this.passTo(dueMs);
      this.fireTimers(effects);
      this.settle(effects);
    }
    this.passTo(nowMs);
    return effects;
  }

  /** When `advance` has something to do next; Infinity: only after an event. */
  nextDueMs(): number {
    const share = this.gpuShare();
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { runner, dueMs: timerMs } of this.residents.values()) {
      dueMs = Math.min(dueMs, timerMs, this.nowMs + runner.msUntilNext(share));
    }
    for (const { dueMs: recoveredMs } of this.recovering) dueMs = Math.min(dueMs, recoveredMs);
    return dueMs;
  }

  /** Tokens of a request's answer that are there at the time of the last call. */
  outputTokens(id: string): number {
    for (const { runner } of this.residents.values()) {
      const tokens = runner.outputTokens(id);
      if (tokens > 0) return tokens;
    }
    return 0;
  }

  loadedModels(): LoadedModel[] {
    return [...this.residents.values()].flatMap(({ runner, state, dueMs, keepAliveMs }) => {
      if (state === "loading") return [];
      const { totalBytes, vramBytes, contextTokens } = runner.placement;
      const expiresInMs = dueMs === Number.POSITIVE_INFINITY ? keepAliveMs : dueMs - this.nowMs;
      const { model, activeCount: active, waitingCount: waiting } = runner;
      return [{ model, totalBytes, vramBytes, contextTokens, expiresInMs, active, waiting }];
    });
  }

  /** Requests in the bounded queue of those that need a load. */
  get pendingCount(): number {
    return this.queue.size;
  }

  contextTokensOf(request: Pick<OllamaRequest, "contextTokens" | "model">): number {
    const wanted =
      request.contextTokens ?? (this.settings.contextTokens || defaultContextTokens(totalVramBytes(this.settings)));
    return Math.min(wanted, request.model.maxContextTokens);
  }

  private arrive(pending: Pending, effects: OllamaEffect[]): void {
    const resident = this.residents.get(pending.request.model.name);
    if (resident && this.isServedBy(resident, pending.request)) {
      this.use(resident, pending, effects);
      return;
    }
    if (this.queue.size >= this.settings.maxQueue) {
      effects.push({ type: "refused", id: pending.request.id, atMs: this.nowMs });
      return;
    }
    this.queue.add(pending);
    this.pendingById.set(pending.request.id, pending);
  }

  private isServedBy(resident: Resident, request: OllamaRequest): boolean {
    return resident.runner.placement.contextTokens === this.contextTokensOf(request);
  }

  private use(resident: Resident, pending: Pending, effects: OllamaEffect[]): void {
    const { request, arrivedMs } = pending;
    if (request.keepAliveMs !== undefined) resident.keepAliveMs = request.keepAliveMs;
    if (resident.state === "loading") {
      resident.forLoad.push(pending);
      this.pendingById.set(request.id, pending);
      return;
    }
    if (request.promptTokens === 0 && request.outputTokens === 0) {
      const loadMs = this.nowMs - arrivedMs;
      const nothing = { promptTokens: 0, cachedTokens: 0, promptEvalMs: 0, outputTokens: 0, evalMs: 0 };
      effects.push({ type: "finished", id: request.id, atMs: this.nowMs, timings: { totalMs: loadMs, loadMs, ...nothing } });
    } else resident.runner.enqueue({ request, arrivedMs, modelReadyMs: this.nowMs });
    // Set again once it is idle.
    resident.dueMs = Number.POSITIVE_INFINITY;
  }

  private cancel(id: string): void {
    const pending = this.pendingById.get(id);
    if (pending) {
      pending.cancelled = true;
      this.pendingById.delete(id);
      return;
    }
    for (const { runner } of this.residents.values()) if (runner.cancel(id, this.nowMs)) return;
  }

  private expire(model: string, effects: OllamaEffect[]): void {
    const resident = this.residents.get(model);
    if (!resident) return;
    resident.keepAliveMs = 0;
    if (resident.state === "ready" && resident.runner.references === 0) this.unload(resident, effects);
  }

  private fireTimers(effects: OllamaEffect[]): void {
    for (const resident of this.residents.values()) {
      if (resident.dueMs > this.nowMs) continue;
      if (resident.state === "loading") this.endLoad(resident, effects);
      else this.unload(resident, effects);
    }
    for (const gone of this.recovering.filter(({ dueMs }) => dueMs <= this.nowMs)) {
      this.recovering.splice(this.recovering.indexOf(gone), 1);
      if (this.blockedOn === "unload") this.blockedOn = undefined;
    }
  }

  /** Until nothing moves: work that is done, models gone idle, the loop of those that need a load. */
  private settle(effects: OllamaEffect[]): void {
    do this.settleResidents(effects);
    while (this.runLoop(effects));
  }

  private settleResidents(effects: OllamaEffect[]): void {
    for (const resident of this.residents.values()) {
      if (resident.state === "loading") {
        if (resident.forLoad[0]?.cancelled) this.abortLoad(resident, effects);
        continue;
      }
      effects.push(...resident.runner.settle(this.nowMs));
      if (resident.runner.references > 0 || resident.dueMs < Number.POSITIVE_INFINITY) continue;
      if (resident.keepAliveMs <= 0) this.unload(resident, effects);
      else resident.dueMs = this.nowMs + resident.keepAliveMs;
    }
  }

  /** Ollama's processPending. True: a request got on. */
  private runLoop(effects: OllamaEffect[]): boolean {
    let moved = false;
    while (this.blockedOn === undefined) {
      this.head ??= this.takeFromQueue();
      if (!this.head) break;
      if (!this.head.cancelled && !this.schedule(this.head, effects)) break;
      this.head = undefined;
      moved = true;
    }
    return moved;
  }

  private takeFromQueue(): Pending | undefined {
    const next = this.queue.values().next().value;
    if (next) this.queue.delete(next);
    return next;
  }

  /** True: it has its model, or the load has begun. False: the loop waits. */
  private schedule(pending: Pending, effects: OllamaEffect[]): boolean {
    const { request } = pending;
    const same = this.residents.get(request.model.name);
    if (this.isLoading()) return this.block("load");
    if (this.recovering.length > 0) return this.block("unload");
    if (same && this.isServedBy(same, request)) {
      this.pendingById.delete(request.id);
      this.use(same, pending, effects);
      return true;
    }
    const contextTokens = this.contextTokensOf(request);
    const usedBytes = [...this.residents.values()].reduce((sum, { runner }) => sum + runner.placement.vramBytes, 0);
    const freeVramBytes = totalVramBytes(this.settings) - usedBytes;
    const needed = neededBytes(request.model, contextTokens, slotsOf(request.model, this.settings));
    const victim = same ?? (this.needsRoom(needed, freeVramBytes) ? this.victim() : undefined);
    if (victim) {
      // Ollama cuts the keep-alive and waits for the requests in hand, those included that still come for the model.
      victim.keepAliveMs = 0;
      if (victim.runner.references === 0) this.unload(victim, effects);
      return this.block("unload");
    }
    const placement = placeModel(request.model, this.settings, { contextTokens, freeVramBytes });
    this.residents.set(request.model.name, {
      runner: new Runner(request.model, placement),
      state: "loading",
      dueMs: this.nowMs + placement.loadMs,
      keepAliveMs: request.keepAliveMs ?? this.settings.keepAliveMs,
      forLoad: [pending],
    });
    return true;
  }

  private block(on: "unload" | "load"): false {
    this.blockedOn = on;
    return false;
  }

  private isLoading(): boolean {
    return [...this.residents.values()].some(({ state }) => state === "loading");
  }

  /** The first model on an empty GPU is loaded whether it fits or not. */
  private needsRoom(needed: number, freeVramBytes: number): boolean {
    if (this.residents.size === 0) return false;
    const { maxLoadedModels, gpuCount } = this.settings;
    return this.residents.size >= (maxLoadedModels || MODELS_PER_GPU * gpuCount) || needed > FIT_SHARE * freeVramBytes;
  }

  /** findRunnerToUnload: an idle model with the shortest keep-alive, else the one with the shortest. */
  private victim(): Resident | undefined {
    const byKeepAlive = [...this.residents.values()].sort((a, b) => compare(a.keepAliveMs, b.keepAliveMs));
    return byKeepAlive.find(({ runner }) => runner.references === 0) ?? byKeepAlive[0];
  }

  private endLoad(resident: Resident, effects: OllamaEffect[]): void {
    resident.state = "ready";
    resident.dueMs = Number.POSITIVE_INFINITY;
    if (this.blockedOn === "load") this.blockedOn = undefined;
    effects.push({ type: "model_loaded", model: resident.runner.model.name, atMs: this.nowMs });
    for (const pending of resident.forLoad.splice(0)) {
      this.pendingById.delete(pending.request.id);
      if (!pending.cancelled) this.use(resident, pending, effects);
    }
  }

  /** The load ran under the request that caused it. Those that joined it go back to the queue. */
  private abortLoad(resident: Resident, effects: OllamaEffect[]): void {
    if (this.blockedOn === "load") this.blockedOn = undefined;
    const joined = resident.forLoad.splice(0).filter(({ cancelled }) => !cancelled);
    this.unload(resident, effects);
    for (const pending of joined) {
      this.pendingById.delete(pending.request.id);
      this.arrive(pending, effects);
    }
  }

  private unload(resident: Resident, effects: OllamaEffect[]): void {
    const { model, placement } = resident.runner;
    this.residents.delete(model.name);
    const waitMs = this.settings.gpu.unifiedMemory ? 0 : VRAM_RECOVERY_MS;
    this.recovering.push({ model: model.name, vramBytes: placement.vramBytes, dueMs: this.nowMs + waitMs });
    effects.push({ type: "model_unloaded", model: model.name, atMs: this.nowMs });
  }

  private passTo(nowMs: number): void {
    const share = this.gpuShare();
    for (const { runner } of this.residents.values()) runner.elapse(nowMs - this.nowMs, share);
    this.nowMs = Math.max(this.nowMs, nowMs);
  }

  private gpuShare(): number {
    let busy = 0;
    for (const { runner } of this.residents.values()) if (runner.isBusy) busy++;
    return 1 / Math.max(1, busy);
  }
}

function compare(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
