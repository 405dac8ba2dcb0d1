import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MessageStore, TokenStore } from "@hubscale/hub-runtime";
import { LIMITS } from "@hubscale/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DataFolder, KEYS, openDataFolder, rangeOf } from "../data-folder.ts";
import { temporaryFolder } from "../testing/desk-in-folder.ts";
import type { AgentIds } from "./agent-ids.ts";
import { BoundedMessageLog } from "./bounded-message-log.ts";
import { GroupedRows, SyncedRows } from "./durable-rows.ts";
import { EndpointRows } from "./endpoint-rows.ts";
import type { StoredMessage } from "./message-rows.ts";
import { SortingMessageLog } from "./sorting-message-log.ts";
import { TokenFile } from "./token-file.ts";
import { TokenRows } from "./token-rows.ts";

let folder: DataFolder;

beforeEach(async () => {
  folder = await openDataFolder(await temporaryFolder());
});

afterEach(async () => {
  await folder.db.close();
  await rm(folder.path, { recursive: true });
});

const TOKENS: Record<string, () => Promise<TokenStore & AgentIds>> = {
  TokenFile: () => TokenFile.open(folder.path),
  TokenRows: () => TokenRows.open(folder.db, new GroupedRows(folder.db)),
};

describe.each(Object.entries(TOKENS))("%s", (_, open) => {
  it("registers an agent id once, also when asked twice at the same time", async () => {
    const tokens = await open();
    expect(await Promise.all([tokens.register("a", "hash-1"), tokens.register("a", "hash-2")])).toEqual([true, false]);
    expect(await tokens.agentOf("hash-1")).toBe("a");
    expect(await tokens.agentOf("hash-2")).toBeUndefined();
  });

  it("knows all tokens after a restart", async () => {
    const tokens = await open();
    await Promise.all(Array.from({ length: 20 }, (_, index) => tokens.register(`agent-${index}`, `hash-${index}`)));
    const again = await open();
    expect(again.all().sort()).toEqual(tokens.all().sort());
    expect(await again.agentOf("hash-7")).toBe("agent-7");
    expect(await again.register("agent-7", "hash-new")).toBe(false);
  });
});

describe("TokenFile", () => {
  it("says which file is damaged", async () => {
    await writeFile(join(folder.path, "tokens.json"), "{");
    await expect(TokenFile.open(folder.path)).rejects.toMatchObject({ code: "store_corrupt" });
    await writeFile(join(folder.path, "tokens.json"), "{}");
    await expect(TokenFile.open(folder.path)).rejects.toThrow("tokens.json holds no list of tokens");
  });

  it("stores no token, only what the caller gives: its hash", async () => {
    await (await TokenFile.open(folder.path)).register("a", "hash-1");
    expect(JSON.parse(await readFile(join(folder.path, "tokens.json"), "utf8"))).toEqual({
      tokens: [{ agent_id: "a", token_hash: "hash-1" }],
    });
  });
});

const AGENTS: AgentIds = { all: () => ["a", "b"] };
const MESSAGES: Record<string, () => Promise<MessageStore>> = {
  SortingMessageLog: async () => new SortingMessageLog(folder.db, new SyncedRows(folder.db), AGENTS),
  BoundedMessageLog: () => BoundedMessageLog.open(folder.db, new GroupedRows(folder.db), AGENTS),
};

describe.each(Object.entries(MESSAGES))("%s", (_, open) => {
  it("fills the mailboxes of those who are away, oldest first, and empties one that is taken", async () => {
    const log = await open();
    for (const text of ["one", "two"]) await log.append(messageOf(text), ["a", "a/b"]);
    await log.append(messageOf("three"), ["a"]);
    expect((await log.takeMailbox("a")).map((message) => message.payload["text"])).toEqual(["one", "two", "three"]);
    expect(await log.takeMailbox("a")).toEqual([]);
    const [first] = await log.takeMailbox("a/b");
    const { to: _to, ...frame } = messageOf("one");
    expect(first).toEqual(frame);
  });

  it("keeps the newest messages up to the limit", { timeout: 30_000 }, async () => {
    const surplus = 3;
    const old = Array.from({ length: LIMITS.messageHistoryEntries }, (_, index) => ({
      type: "put" as const,
      key: `${KEYS.message}${String(index).padStart(16, "0")}-0000000000000000-old`,
      value: "{}",
    }));
    await folder.db.batch(old);
    const log = await open();
    for (let count = 0; count < surplus; count++) await log.append(messageOf(`new ${count}`), []);
    const keys = await folder.db.keys(rangeOf(KEYS.message)).all();
    expect(keys).toHaveLength(LIMITS.messageHistoryEntries);
    expect(keys[0]).toBe(old[surplus]?.key);
  });
});

describe("EndpointRows", () => {
  it("saves, lists and removes", async () => {
    const endpoints = new EndpointRows(folder.db, new GroupedRows(folder.db));
    const endpoint = {
      id: "gpu:11434",
      host: "gpu",
      port: 11_434,
      name: "gpu",
      source: "admin" as const,
      status: "unknown" as const,
      models: [],
      loaded_models: [],
      registered_at: 1,
      last_checked_at: null,
    };
    await endpoints.save(endpoint);
    await endpoints.save({ ...endpoint, name: "big gpu" });
    expect(await endpoints.list()).toEqual([{ ...endpoint, name: "big gpu" }]);
    expect(await endpoints.remove(endpoint.id)).toBe(true);
    expect(await endpoints.remove(endpoint.id)).toBe(false);
    expect(await endpoints.list()).toEqual([]);
  });
});

function messageOf(text: string): StoredMessage {
  return {
    type: "message",
    id: "m",
    from: "c",
    to: null,
    message_type: "chat",
    payload: { text },
    reply_to: null,
    timestamp: 1_800_000_000_000,
  };
}
