export { CannotStart, type CannotStartCode } from "./cannot-start.ts";
export { ALL_FIXES, FIXES, type Fix, type Fixes, isFix, type Profile, PROFILES } from "./fixes.ts";
export { openSingleHub, type SingleHub, type SingleHubOptions } from "./single-hub.ts";
export { RETAINED_COMPLETED_ROWS } from "./table/retention.ts";
