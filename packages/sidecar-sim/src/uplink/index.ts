export type { DirectionBytes } from "./shaped-stream.ts";
export * from "./site-line.ts";
