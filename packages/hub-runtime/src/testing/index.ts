export { MemoryStores, memoryBackplane } from "./memory-backplane.ts";
export { MemoryDesk, type MemoryDeskOptions } from "./memory-desk.ts";
export { type MemoryHubOptions, startMemoryHub } from "./memory-hub.ts";
