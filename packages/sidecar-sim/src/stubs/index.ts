export * from "../claude-stub/claude-stub.ts";
export * from "../ollama-stub/ollama-stub.ts";
export type { StubTraffic } from "./stub-server.ts";
