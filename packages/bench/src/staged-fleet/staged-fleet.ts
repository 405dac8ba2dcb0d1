/** A fleet file brought to life on this machine: a real Ollama stub for each host with a GPU, a Claude stub, a line for each site. */
import type { Fleet, FleetHost, FleetSite, WorkMix } from "@hubscale/fleet-model";
import { fleetAgents, NETWORK_PATHS } from "@hubscale/fleet-model";
import { type AgentPlace, type Clock, seededRandom } from "@hubscale/sidecar-sim";
import { PlannedExecutor, ScaledTime, SimulatedHost } from "@hubscale/sidecar-sim/executors";
import { type ClaudeStub, type OllamaStub, startClaudeStub, startOllamaStub } from "@hubscale/sidecar-sim/stubs";
import { SiteLine } from "@hubscale/sidecar-sim/uplink";
import { WorkTally } from "./work-tally.ts";

export interface StagedFleetOptions {
  fleet: Fleet;
  mix: WorkMix;
  seed: number;
  clock: Clock;
  timeScale: number;
  /** Of the hub's nodes; remote sites reach them through their line. */
  hubWsUrls: readonly string[];
  /** In place of a stub: any server that speaks the Messages API, reached directly. */
  claude: { url: string; apiKey: string } | undefined;
  /** Of the API stub's stream; default 1. */
  tokensPerEvent?: number;
}

interface StagedHost {
  host: SimulatedHost;
  stub: OllamaStub | undefined;
}

interface StagedSite {
  line: SiteLine;
  claudeUrl: string;
  /** Undefined: the hub is in the site's network. */
  wsUrls: readonly string[] | undefined;
}

/** An agent's place: which host of which site. */
interface Seat {
  site: StagedSite;
  staged: StagedHost;
}

const ANY_PORT = 0;

export class StagedFleet {
  readonly agents: number;
  readonly tally = new WorkTally();
  private readonly options: StagedFleetOptions;
  private readonly time: ScaledTime;
  private readonly closing: (() => Promise<void> | void)[] = [];
  private readonly seats: Seat[] = [];
  private readonly endpoints: OllamaStub[] = [];
  private claude: ClaudeStub | undefined;

  private constructor(options: StagedFleetOptions) {
    this.options = options;
    this.agents = fleetAgents(options.fleet);
    this.time = new ScaledTime(options.clock, options.timeScale);
  }

  /** Rejects when a port or an address cannot be had; what was started is closed again. */
  static async start(options: StagedFleetOptions): Promise<StagedFleet> {
    const staged = new StagedFleet(options);
    try {
      await staged.open();
    } catch (error) {
      await staged.close();
      throw error;
    }
    return staged;
  }

  /** One line for each thing that was started. */
  describe(): string[] {
    const gpus = this.endpointUrls;
    const { fleet, claude } = this.options;
    return [
      `fleet ${fleet.name}: ${this.agents} agents, ${gpus.length} Ollama endpoints${gpus.length > 0 ? ` (${gpus.join(", ")})` : ""}`,
      `Claude API: ${claude?.url ?? `a stub of ${fleet.api.tierName}, ${fleet.api.model.id}`}`,
    ];
  }

  workplaceOf(agent: number): AgentPlace {
    const seat = this.seats[agent];
    if (!seat) throw new Error(`the fleet has ${this.seats.length} agents, not ${agent + 1}`);
    const { site, staged } = seat;
    const { mix, seed, fleet, claude } = this.options;
    const { gpu } = staged.host.spec;
    const executor = new PlannedExecutor({
      mix,
      seed,
      host: staged.host,
      time: this.time,
      claudeUrl: site.claudeUrl,
      claudeModel: fleet.api.model.id,
      apiKey: claude?.apiKey ?? "stub",
      ollamaModel: gpu?.model.name ?? this.anyModel(),
      contextTokens: gpu?.settings.contextTokens ?? this.anyContextTokens(),
      told: (plan, result) => this.tally.note(plan, result),
    });
    this.closing.push(() => executor.close());
    const wsUrl = site.wsUrls?.[agent % site.wsUrls.length];
    return {
      executor,
      resources: () => staged.host.sample(),
      ollamaUrl: staged.stub?.url ?? null,
      ...(wsUrl !== undefined && { wsUrl }),
    };
  }

  get endpointUrls(): string[] {
    return this.endpoints.map(({ url }) => url);
  }

  /** Since the start, in the fleet's time. */
  get elapsedMs(): number {
    return this.time.nowMs();
  }

  summaryLines(): string[] {
    const lines = this.tally.lines(this.elapsedMs);
    const counts = this.claude?.counts();
    if (counts && counts.rateLimited + counts.overloaded > 0) {
      lines.push(`Claude API: ${counts.answered} answered, ${counts.rateLimited} × 429, ${counts.overloaded} × 529`);
    }
    return lines;
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0).reverse()) await close();
  }

  private async open(): Promise<void> {
    const { fleet } = this.options;
    const claudeUrl = this.options.claude?.url ?? (await this.openClaude()).url;
    for (const site of fleet.sites) {
      const opened = await this.openSite(site, claudeUrl);
      for (const spec of site.hosts) {
        const staged = await this.openHost(spec);
        for (let agent = 0; agent < spec.agents; agent++) this.seats.push({ site: opened, staged });
      }
    }
  }

  private async openClaude(): Promise<ClaudeStub> {
    const { fleet, seed, clock, timeScale } = this.options;
    this.claude = await startClaudeStub({
      port: ANY_PORT,
      tier: fleet.api.tier,
      // Planned tasks name the length of their answers.
      answerTokens: { kind: "constant", value: 252 },
      overloadedShare: 0,
      brokenOffShare: 0,
      tokensPerEvent: this.options.tokensPerEvent ?? 1,
      random: seededRandom(seed, CLAUDE_STREAM),
      clock,
      timeScale,
    });
    this.closing.push(() => this.claude?.close());
    return this.claude;
  }

  private async openSite({ uplink, hub, meshPath }: FleetSite, claudeUrl: string): Promise<StagedSite> {
    const { clock, timeScale, hubWsUrls } = this.options;
    const line = new SiteLine({ ...uplink, roundTripMs: 2 * uplink.delayMs, clock, timeScale });
    this.closing.push(() => line.close());
    const open = async (url: string, path: FleetSite["meshPath"], roundTripsToOpen: number) => {
      const { hostname, port, protocol } = new URL(url);
      const isSecure = protocol === "https:" || protocol === "wss:";
      const target = { host: hostname, port: Number(port || (isSecure ? 443 : 80)) };
      return (await line.open({ target, path, roundTripsToOpen, port: ANY_PORT })).port;
    };
    const isStub = this.options.claude === undefined;
    return {
      line,
      // TCP and TLS 1.3. A real API is reached directly: its certificate is for its own name.
      claudeUrl: isStub ? `http://127.0.0.1:${await open(claudeUrl, NETWORK_PATHS.plain, 2)}` : claudeUrl,
      wsUrls:
        hub === "local"
          ? undefined
          : await Promise.all(
              hubWsUrls.map(async (url) => `ws://127.0.0.1:${await open(url, meshPath, 1)}${new URL(url).pathname}`),
            ),
    };
  }

  private async openHost(spec: FleetHost): Promise<StagedHost> {
    const stub = spec.gpu && (await this.openOllama(spec.gpu));
    const vram =
      stub && spec.gpu
        ? () => ({
            usedBytes: stub.loadedModels().reduce((sum, { vramBytes }) => sum + vramBytes, 0),
            totalBytes: (spec.gpu?.type.vramBytes ?? 0) * (spec.gpu?.settings.gpuCount ?? 1),
          })
        : undefined;
    const host = new SimulatedHost(spec, this.time, vram);
    this.closing.push(() => host.close());
    return { host, stub };
  }

  /** On Linux each endpoint has an address of its own: a hub tells hosts apart by their addresses. */
  private async openOllama({ model, settings }: NonNullable<FleetHost["gpu"]>): Promise<OllamaStub> {
    const { seed, clock, timeScale } = this.options;
    const index = this.endpoints.length;
    const stub = await startOllamaStub({
      port: ANY_PORT,
      ...(process.platform === "linux" && { address: `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}` }),
      settings,
      models: [model],
      // Planned tasks name the length of their answers.
      answerTokens: { kind: "constant", value: Number.POSITIVE_INFINITY },
      random: seededRandom(seed, index),
      clock,
      timeScale,
    });
    this.endpoints.push(stub);
    this.closing.push(() => stub.close());
    return stub;
  }

  private anyModel(): string {
    return this.gpus()[0]?.model.name ?? "none";
  }

  private anyContextTokens(): number {
    return this.gpus()[0]?.settings.contextTokens ?? 4_096;
  }

  private gpus() {
    return this.options.fleet.sites.flatMap(({ hosts }) => hosts).flatMap(({ gpu }) => gpu ?? []);
  }
}

/** Apart from those of the hosts. */
const CLAUDE_STREAM = 2 ** 24;
