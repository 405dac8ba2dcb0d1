/** The tokens as the reference hub keeps them (C9): one JSON file, written anew on each registration, which reads them all. */
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { TokenStore } from "@hubscale/hub-runtime";
import { CannotStart } from "../cannot-start.ts";
import { type Disk, DISK_AS_IT_IS } from "../disk.ts";
import type { AgentIds } from "./agent-ids.ts";

interface TokenEntry {
  agent_id: string;
  token_hash: string;
}

export class TokenFile implements TokenStore, AgentIds {
  readonly #folder: string;
  readonly #disk: Disk;
  #tokens: TokenEntry[];
  readonly #agentByHash: Map<string, string>;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, disk: Disk, tokens: TokenEntry[]) {
    this.#folder = folder;
    this.#disk = disk;
    this.#tokens = tokens;
    this.#agentByHash = new Map(tokens.map((token) => [token.token_hash, token.agent_id]));
  }

  /** Throws `CannotStart` if the file is there and is not a list of tokens. */
  static async open(folder: string, disk: Disk = DISK_AS_IT_IS): Promise<TokenFile> {
    return new TokenFile(folder, disk, await readTokens(join(folder, FILE)));
  }

  register(agentId: string, tokenHash: string): Promise<boolean> {
    const done = this.#last.then(async () => {
      if (this.#tokens.some((token) => token.agent_id === agentId)) return false;
      const tokens = [...this.#tokens, { agent_id: agentId, token_hash: tokenHash }];
      await this.#write(JSON.stringify({ tokens }));
      this.#tokens = tokens;
      this.#agentByHash.set(tokenHash, agentId);
      return true;
    });
    // The caller hears of a failure; the next registration tries for itself.
    this.#last = done.catch(() => undefined);
    return done;
  }

  agentOf(tokenHash: string): Promise<string | undefined> {
    return Promise.resolve(this.#agentByHash.get(tokenHash));
  }

  all(): string[] {
    return this.#tokens.map((token) => token.agent_id);
  }

  /** The old file or the new one, whatever happens: written beside it, synced, renamed, and the rename synced. */
  async #write(text: string): Promise<void> {
    const fresh = join(this.#folder, `${FILE}.new`);
    const file = await open(fresh, "w", 0o600);
    try {
      await file.writeFile(text);
      await this.#disk.sync(() => file.sync());
    } finally {
      await file.close();
    }
    await rename(fresh, join(this.#folder, FILE));
    const folder = await open(this.#folder, "r");
    try {
      await this.#disk.sync(() => folder.sync());
    } finally {
      await folder.close();
    }
  }
}

const FILE = "tokens.json";

async function readTokens(path: string): Promise<TokenEntry[]> {
  try {
    const { tokens } = JSON.parse(await readFile(path, "utf8")) as { tokens?: unknown };
    if (Array.isArray(tokens) && tokens.every(isTokenEntry)) return tokens;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw new CannotStart("store_corrupt", `the token file ${path} cannot be read: ${String(error)}`, { cause: error });
  }
  throw new CannotStart("store_corrupt", `the token file ${path} holds no list of tokens; restore it from a copy`);
}

function isTokenEntry(value: unknown): value is TokenEntry {
  if (typeof value !== "object" || value === null) return false;
  const { agent_id: agentId, token_hash: hash } = value as Record<string, unknown>;
  return typeof agentId === "string" && typeof hash === "string";
}
