export * from "./durability.ts";
export * from "./redis-backplane.ts";
export * from "./redis-link.ts";
export * from "./redis-task-desk.ts";
