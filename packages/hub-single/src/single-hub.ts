/** Puts the single hub together from the parts that its fixes choose. */
import {
  type Backplane,
  type BackplaneDescription,
  Cached,
  type Clock,
  type HubBehaviour,
  type HubView,
  type RandomHex,
  type Roster,
  type StoreObserver,
  type TaskDesk,
} from "@hubscale/hub-runtime";
import { LIMITS } from "@hubscale/protocol";
import type { AgentIds } from "./backplane/agent-ids.ts";
import { BoundedMessageLog } from "./backplane/bounded-message-log.ts";
import { type DurableRows, GroupedRows, SyncedRows } from "./backplane/durable-rows.ts";
import { EndpointRows } from "./backplane/endpoint-rows.ts";
import { SingleBackplane } from "./backplane/single-backplane.ts";
import { SortingMessageLog } from "./backplane/sorting-message-log.ts";
import { TokenFile } from "./backplane/token-file.ts";
import { TokenRows } from "./backplane/token-rows.ts";
import { type DataFolder, durabilityOf, fileBytes, openDataFolder } from "./data-folder.ts";
import { type AssembledDesk, assembleDesk } from "./desk-assembly.ts";
import { DISK_AS_IT_IS, SlowedDisk } from "./disk.ts";
import type { Fixes, Profile } from "./fixes.ts";
import { seedCompletedRows } from "./table/completed-seed.ts";
import { LOOK_EVERY_MS } from "./store/store-mark.ts";
import { readStoredRows } from "./table/task-row.ts";

export interface SingleHubOptions {
  node: string;
  dataDir: string;
  profile: Profile;
  fixes: Fixes;
  /** Completed rows that are kept where C7 is mended. */
  retainCompletedRows: number;
  /** Completed rows that are written before the hub starts. */
  seedCompletedRows: number;
  /** Every sync takes at least this long, for the question of a slower disk; 0: as long as it takes. */
  fsyncFloorMs: number;
  clock: Clock;
  randomHex: RandomHex;
  /** The hub can no longer keep its word (the store failed): the program must end. */
  onFailure(error: Error): void;
}

export interface SingleHub {
  readonly backplane: Backplane;
  readonly behaviour: HubBehaviour;
  makeTasks(roster: Roster, view: HubView): TaskDesk;
}

/** Opens the store and reads every row once. Throws `CannotStart`. */
export async function openSingleHub(options: SingleHubOptions): Promise<SingleHub> {
  const { fixes, profile } = options;
  const disk = options.fsyncFloorMs > 0 ? new SlowedDisk(options.fsyncFloorMs) : DISK_AS_IT_IS;
  const folder = await openDataFolder(options.dataDir, disk);
  if (options.seedCompletedRows > 0) await seedCompletedRows(folder.db, options.seedCompletedRows, options.clock.nowMs());
  const rows = await readStoredRows(folder.db);
  const warts = profile === "reference";
  let desk: AssembledDesk | undefined;
  const observers: StoreObserver[] = [];
  const observeStore: StoreObserver = (milliseconds) => {
    for (const heard of observers) heard(milliseconds);
  };
  return {
    behaviour: { warts, presence: fixes.has("C5") ? "digest" : "every-event" },
    backplane: await openBackplane(options, folder, { desk: () => desk, observers }),
    makeTasks(roster, view) {
      desk = assembleDesk({ ...options, db: folder.db, rows, warts, roster, endpoints: () => view.endpoints(), observeStore });
      return desk.desk;
    },
  };
}

async function openBackplane(
  options: SingleHubOptions,
  folder: DataFolder,
  { desk, observers }: { desk(): AssembledDesk | undefined; observers: StoreObserver[] },
): Promise<Backplane> {
  const { fixes } = options;
  const { db } = folder;
  const rows: DurableRows = fixes.has("C1") ? new GroupedRows(db) : new SyncedRows(db);
  const tokens = fixes.has("C9") ? await TokenRows.open(db, rows) : await TokenFile.open(folder.path, folder.disk);
  const agents: AgentIds = tokens;
  const store = new Cached(options.clock, async () => ({ ...(await durabilityOf(folder)), bytes: await fileBytes(folder) }));
  const stopLooking = options.clock.every(LOOK_EVERY_MS, () => {
    folder.mark.look().catch((error: Error) => options.onFailure(error));
  });
  return new SingleBackplane({
    tokens,
    endpoints: new EndpointRows(db, rows),
    messages: fixes.has("C11") ? await BoundedMessageLog.open(db, rows, agents) : new SortingMessageLog(db, rows, agents),
    observeStore: (heard) => void observers.push(heard),
    describe: async () => describe(options, folder, await store.get(), desk()),
    close: () => {
      stopLooking();
      return folder.close();
    },
  });
}

function describe(
  options: SingleHubOptions,
  folder: DataFolder,
  { verified, how, bytes }: Awaited<ReturnType<typeof durabilityOf>> & { bytes: number },
  assembled: AssembledDesk | undefined,
): BackplaneDescription {
  const writes = options.fixes.has("C1")
    ? "group commit, one synced batch at a time"
    : "one change at a time, two synced writes each (a DETS sync is two fsyncs)";
  const stats = assembled?.stored.stats(0);
  return {
    hub: "single",
    node: options.node,
    durability: { verified, how: `${how}; ${writes}` },
    details: {
      store: "LevelDB",
      profile: options.profile,
      fixes: [...options.fixes],
      fsyncFloorMs: folder.disk.fsyncFloorMs,
      counters: { ...assembled?.work },
      rows: { ...stats?.by_status, dead_letter: stats?.dead_letter ?? 0 },
      queuedPasses: assembled?.dispatcher.debt ?? 0,
      tableBacklog: assembled?.table.backlog ?? 0,
      fileBytes: bytes,
      document_bytes: LIMITS.documentBytes,
    },
  };
}
