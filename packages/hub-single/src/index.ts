export { CannotStart, type CannotStartCode } from "./cannot-start.ts";
export { type DataFolder, openDataFolder } from "./data-folder.ts";
export { type Disk, FSYNC_FLOOR_MS_MAX, SlowedDisk } from "./disk.ts";
export { ALL_FIXES, FIXES, type Fix, type Fixes, isFix, type Profile, PROFILES } from "./fixes.ts";
export { openSingleHub, type SingleHub, type SingleHubOptions } from "./single-hub.ts";
export { RETAINED_COMPLETED_ROWS } from "./table/retention.ts";
export { SerialSyncTable } from "./table/serial-sync-table.ts";
export type { TaskTable } from "./table/task-table.ts";
