export * from "./frames.ts";
export * from "./http.ts";
export * from "./limits.ts";
export * from "./task.ts";
export * from "./validation.ts";
