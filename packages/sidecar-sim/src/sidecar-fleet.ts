import { NETWORK_PATHS, WEBSOCKET_HEADER_BYTES, wireBytes } from "@hubscale/fleet-model";
import type { Cancel, Clock } from "./clock.ts";
import { DrawnExecutor, type SidecarBehaviour } from "./drawn-executor.ts";
import { HubConnection } from "./hub-connection.ts";
import { type Random, seededRandom } from "./random.ts";
import { Sidecar } from "./sidecar.ts";
import type { SidecarEvent, SidecarNews } from "./sidecar-events.ts";
import type { ResourceSample } from "./sidecar-frames.ts";
import type { Workplace } from "./sidecar-surroundings.ts";
import { type SidecarTimers, sidecarTimers } from "./sidecar-timers.ts";
import { sourceAddress } from "./source-address.ts";
import { TimerWheel } from "./timer-wheel.ts";

export interface FleetOptions {
  /** WebSocket URLs of the hub's nodes; agents are dealt round them. */
  wsUrls: readonly string[];
  agents: readonly { agentId: string; token: string }[];
  /** Of the agents that have no executor of their own. */
  behaviour: SidecarBehaviour;
  capabilities: readonly string[];
  ollamaUrl: string | null;
  /** By the agent's index: its own executor, host, Ollama and way to the hub; what is left out is as above. */
  workplaceOf?: (agent: number) => AgentPlace;
  seed: number;
  /** 1: real time. */
  timeScale: number;
  clock: Clock;
  /** Handshakes under way at once: enough to keep a hub busy, few enough that its accept queue (often 128 to 511) holds. */
  connectsInFlight?: number;
  /** Default: the contract's, at the time scale. */
  timers?: SidecarTimers;
  /** Draw half of each reconnect's delay, so that a fleet cut off at once does not come back at once. Default: as the contract has it, not. */
  jitter?: boolean;
  onEvent(event: SidecarEvent): void;
}

export interface AgentPlace extends Partial<Workplace> {
  ollamaUrl?: string | null;
  capabilities?: readonly string[];
  /** Of the hub as this agent reaches it, in place of one of `wsUrls`. */
  wsUrl?: string;
}

/** Sums over the fleet since its making. Bytes are those of the sockets, handshakes included. */
export interface FleetCounters {
  framesIn: number;
  framesOut: number;
  presenceFrames: number;
  bytesIn: number;
  bytesOut: number;
  /** As a line without a mesh counts the frames: an estimate (`NETWORK_PATHS` has the others), handshakes and acknowledgements not included. */
  wireBytesIn: number;
  wireBytesOut: number;
}

export type ConnectFailure = "unreachable" | "turned_away" | "timeout" | "stopped";

export type ConnectOutcome = { ok: true; ms: number } | { ok: false; code: ConnectFailure; identified: number; detail: string };

interface Berth {
  wsUrl: string | undefined;
  sidecar: Sidecar;
  connection: HubConnection | undefined;
  attempts: number;
  retry: Cancel | undefined;
  gone: boolean;
}

/** A server's frames have no mask. */
const SERVER_HEADER_BYTES = WEBSOCKET_HEADER_BYTES - 4;
const CONNECTS_IN_FLIGHT = 64;
/** Pings of a fleet are spread by the agents' connect times; the wheel only needs to tell progress windows apart. */
const WHEEL_TICK_MS = 10;

/** Memory as in the recorded reports. */
const HOST_AT_REST = { ramUsedBytes: 781_205_504, ramTotalBytes: 25_276_502_016, vramUsedBytes: null, vramTotalBytes: null };

/** Many sidecars in one process, each with its own connection, which is made anew with back-off when it breaks. */
export class SidecarFleet {
  private readonly options: FleetOptions;
  private readonly wheel: TimerWheel;
  private readonly berths: Berth[];
  private readonly timers: SidecarTimers;
  private readonly random: Random;
  private readonly totals: FleetCounters = {
    framesIn: 0,
    framesOut: 0,
    presenceFrames: 0,
    bytesIn: 0,
    bytesOut: 0,
    wireBytesIn: 0,
    wireBytesOut: 0,
  };
  private behaviour: SidecarBehaviour;
  private closing = false;
  private lastFailure = "";
  private onlineCount = 0;
  /** Told of each identification and each final failure while `connect` waits. */
  private watch: ((index: number, outcome: "identified" | "failed" | "turned_away") => void) | undefined;

  constructor(options: FleetOptions) {
    this.options = options;
    this.behaviour = options.behaviour;
    this.wheel = new TimerWheel(options.clock, Math.max(1, WHEEL_TICK_MS / options.timeScale));
    this.random = seededRandom(options.seed, options.agents.length);
    this.timers = options.timers ?? sidecarTimers(options.timeScale);
    this.berths = options.agents.map((agent, index) => this.berthOf(agent, index));
  }

  get size(): number {
    return this.berths.length;
  }

  /** Agents that are identified now. */
  get online(): number {
    return this.onlineCount;
  }

  /** Agents with a task in hand. */
  get busy(): number {
    return this.berths.reduce((sum, berth) => sum + (berth.sidecar.busy ? 1 : 0), 0);
  }

  setBehaviour(behaviour: SidecarBehaviour): void {
    this.behaviour = behaviour;
  }

  counters(): FleetCounters {
    const sum = { ...this.totals };
    for (const { connection } of this.berths) {
      sum.framesOut += connection?.framesOut ?? 0;
      sum.wireBytesOut += connection?.wireBytesOut ?? 0;
      sum.bytesIn += connection?.bytesIn ?? 0;
      sum.bytesOut += connection?.bytesOut ?? 0;
    }
    return sum;
  }

  /**
   * Connects all agents and resolves when each is identified. Gives up when the hub cannot be reached before anybody ever got
   * in, when it turns an agent away, at the signal, or after `limitMs`. Single failures in between are tried again with back-off.
   */
  connect(limitMs: number, signal?: AbortSignal): Promise<ConnectOutcome> {
    const startedMs = this.options.clock.monotonicMs();
    const waiting = new Set(this.berths.keys());
    let next = 0;
    return new Promise((resolve) => {
      const timeout = this.options.clock.after(limitMs, () => settle(this.failure("timeout", waiting)));
      const stop = () => settle(this.failure("stopped", waiting));
      signal?.addEventListener("abort", stop, { once: true });
      const settle = (outcome: ConnectOutcome) => {
        timeout();
        signal?.removeEventListener("abort", stop);
        this.watch = undefined;
        resolve(outcome);
      };
      const openNext = () => {
        if (next < this.berths.length) this.open(next++);
      };
      this.watch = (index, outcome) => {
        if (outcome === "turned_away") settle(this.failure("turned_away", waiting));
        else if (outcome === "failed" && waiting.size === this.berths.length) settle(this.failure("unreachable", waiting));
        if (outcome !== "identified") return;
        waiting.delete(index);
        if (waiting.size === 0) settle({ ok: true, ms: this.options.clock.monotonicMs() - startedMs });
        else openNext();
      };
      if (waiting.size === 0) settle({ ok: true, ms: 0 });
      if (signal?.aborted) stop();
      const inFlight = this.options.connectsInFlight ?? CONNECTS_IN_FLIGHT;
      for (let i = 0; i < inFlight; i++) openNext();
    });
  }

  /** Sends a frame as that agent, beside what its sidecar has to say. Lost while it is not connected. */
  say(index: number, frame: string): void {
    const berth = this.berths[index];
    if (berth?.sidecar.isOnline) berth.connection?.send(frame);
  }

  /** Cuts an agent's connection, as a broken network would; it comes back with back-off. */
  disconnect(index: number): void {
    this.berths[index]?.connection?.cut("disconnected on purpose");
  }

  /** Kills an agent's process: the connection and all but the id of its task are lost; it comes back with back-off. */
  crash(index: number): void {
    this.berths[index]?.sidecar.crash();
    this.disconnect(index);
  }

  /** Closes all connections (1001) and resolves when they are closed. No event follows. */
  async close(): Promise<void> {
    this.closing = true;
    this.wheel.close();
    await Promise.all(
      this.berths.map((berth) => {
        berth.retry?.();
        berth.sidecar.stop();
        return berth.connection?.close();
      }),
    );
  }

  private berthOf(agent: FleetOptions["agents"][number], index: number): Berth {
    const { clock, timeScale, seed, capabilities, ollamaUrl } = this.options;
    const own = this.options.workplaceOf?.(index) ?? {};
    const drawn = { clock, random: seededRandom(seed, index), timeScale, behaviour: () => this.behaviour };
    const sidecar = new Sidecar(
      {
        ...agent,
        capabilities: own.capabilities ?? capabilities,
        ollamaUrl: own.ollamaUrl === undefined ? ollamaUrl : own.ollamaUrl,
      },
      {
        clock,
        wheel: this.wheel,
        timers: this.timers,
        timeScale,
        executor: own.executor ?? new DrawnExecutor(drawn),
        resources: own.resources ?? (() => this.someLoad()),
        tell: (news) => this.told(index, news),
      },
    );
    return { wsUrl: own.wsUrl, sidecar, connection: undefined, attempts: 0, retry: undefined, gone: false };
  }

  /** The report of a host that nobody simulates. */
  private someLoad(): ResourceSample {
    const cpuPercent = Math.round(this.random() * 1000) / 10;
    return { ...HOST_AT_REST, cpuPercent };
  }

  private open(index: number): void {
    const berth = this.berths[index];
    if (!berth || this.closing || berth.gone) return;
    const { wsUrls } = this.options;
    const url = berth.wsUrl ?? (wsUrls[index % wsUrls.length] as string);
    const connection = new HubConnection(url, sourceAddress(url, index, this.berths.length), {
      opened: () => berth.sidecar.opened(connection),
      received: (data) => {
        this.totals.framesIn++;
        this.totals.wireBytesIn += wireBytes(data.length + SERVER_HEADER_BYTES, NETWORK_PATHS.plain);
        if (berth.sidecar.received(data)) this.totals.presenceFrames++;
      },
      closed: (reason) => this.closed(index, berth, reason),
    });
    berth.connection = connection;
  }

  private closed(index: number, berth: Berth, reason: string): void {
    const { connection } = berth;
    this.totals.framesOut += connection?.framesOut ?? 0;
    this.totals.wireBytesOut += connection?.wireBytesOut ?? 0;
    this.totals.bytesIn += connection?.bytesIn ?? 0;
    this.totals.bytesOut += connection?.bytesOut ?? 0;
    berth.connection = undefined;
    const wasOnline = berth.sidecar.isOnline;
    berth.sidecar.closed();
    if (this.closing) return;
    if (wasOnline) this.onlineCount--;
    this.lastFailure = reason;
    this.told(index, { type: "disconnected", reason });
    if (!wasOnline) this.watch?.(index, "failed");
    if (berth.gone || this.closing) return;
    const fullMs = Math.min(this.timers.reconnectMaxMs, this.timers.reconnectFirstMs * 2 ** berth.attempts);
    berth.attempts++;
    const delayMs = this.options.jitter ? fullMs * (0.5 + this.random() / 2) : fullMs;
    berth.retry = this.options.clock.after(delayMs, () => this.open(index));
  }

  private told(index: number, news: SidecarNews): void {
    const berth = this.berths[index];
    if (berth && news.type === "identified") {
      berth.attempts = 0;
      this.onlineCount++;
    }
    if (berth && news.type === "turned_away") {
      berth.gone = true;
      this.lastFailure = news.error;
    }
    this.options.onEvent(stamped(news, index, this.options.clock.monotonicMs()));
    if (news.type === "identified" || news.type === "turned_away") this.watch?.(index, news.type);
  }

  private failure(code: ConnectFailure, waiting: ReadonlySet<number>): ConnectOutcome {
    return { ok: false, code, identified: this.berths.length - waiting.size, detail: this.lastFailure };
  }
}

/** In place: news are made for this, and a copy of each would be a tenth of what a task costs. */
function stamped(news: SidecarNews, agent: number, atMs: number): SidecarEvent {
  const event = news as SidecarEvent;
  event.agent = agent;
  event.atMs = atMs;
  return event;
}
