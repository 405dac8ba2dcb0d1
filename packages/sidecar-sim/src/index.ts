export * from "./clock.ts";
export * from "./manual-clock.ts";
export * from "./random.ts";
export * from "./registration.ts";
export { Sidecar, type SidecarBehaviour, type SidecarSurroundings, type SidecarWire } from "./sidecar.ts";
export * from "./sidecar-events.ts";
export * from "./sidecar-fleet.ts";
export * from "./token-file.ts";
export * from "./work-time.ts";
