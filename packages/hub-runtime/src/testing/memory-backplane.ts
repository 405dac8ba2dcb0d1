import { LIMITS, type LlmEndpoint, type MessageFrame } from "@hubscale/protocol";
import type { Backplane, BackplaneDescription, BusEvent } from "../ports.ts";

/** What the nodes of a memory hub share: one object in one process. */
export class MemoryStores {
  readonly tokens = new Map<string, string>();
  readonly agents = new Set<string>();
  readonly endpoints = new Map<string, LlmEndpoint>();
  readonly history: (MessageFrame & { to: string | null })[] = [];
  readonly mailboxes = new Map<string, MessageFrame[]>();
  readonly listeners = new Set<(event: BusEvent) => void>();
}

/** One node's view of shared stores in memory, with a bus that delivers at once. */
export function memoryBackplane(node: string, stores: MemoryStores): Backplane {
  let ownListener: ((event: BusEvent) => void) | undefined;
  return {
    documentBytes: LIMITS.documentBytes,
    tokens: {
      async register(agentId, tokenHash) {
        if (stores.agents.has(agentId)) return false;
        stores.agents.add(agentId);
        stores.tokens.set(tokenHash, agentId);
        return true;
      },
      async agentOf(tokenHash) {
        return stores.tokens.get(tokenHash);
      },
    },
    endpoints: {
      async save(endpoint) {
        stores.endpoints.set(endpoint.id, endpoint);
      },
      async remove(id) {
        return stores.endpoints.delete(id);
      },
      async list() {
        return [...stores.endpoints.values()];
      },
    },
    messages: {
      async append(message, offline) {
        stores.history.push(message);
        if (stores.history.length > LIMITS.messageHistoryEntries) stores.history.shift();
        const { to: _, ...frame } = message;
        for (const agentId of offline) stores.mailboxes.set(agentId, [...(stores.mailboxes.get(agentId) ?? []), frame]);
      },
      async takeMailbox(agentId) {
        const mailbox = stores.mailboxes.get(agentId) ?? [];
        stores.mailboxes.delete(agentId);
        return mailbox;
      },
      async registeredAgents() {
        return [...stores.agents];
      },
    },
    publish(event) {
      for (const listener of stores.listeners) listener(event);
    },
    async subscribe(listener) {
      ownListener = listener;
      stores.listeners.add(listener);
    },
    observeStore: () => undefined,
    async describe(): Promise<BackplaneDescription> {
      return {
        hub: "memory",
        node,
        durability: { verified: "process", how: "none: a hub for tests, whose stores die with it" },
        details: {},
      };
    },
    async close() {
      if (ownListener) stores.listeners.delete(ownListener);
    },
  };
}
