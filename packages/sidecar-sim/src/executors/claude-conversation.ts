/** The request bodies of one complex task: the same beginning for all tasks, the session's context, then what the steps add. */
import { SYSTEM_TOKENS, TOOLS_TOKENS } from "@hubscale/fleet-model";
import { textOfTokens } from "./prompt-text.ts";

interface TextBlock {
  type: "text";
  text: string;
  cache_control?: { type: "ephemeral" };
}

interface Turn {
  role: "user" | "assistant";
  content: TextBlock[];
}

const TOOLS = [
  { name: "work", description: textOfTokens(TOOLS_TOKENS, "tools "), input_schema: { type: "object", properties: {} } },
];
const SYSTEM = textOfTokens(SYSTEM_TOKENS, "system ");

export class ClaudeConversation {
  private readonly turns: Turn[];

  /** `contextTokens` with the common beginning in it; the rest is the session's own text. */
  constructor({ session, seed, contextTokens }: { session: number; seed: number; contextTokens: number }) {
    const own = Math.max(1, contextTokens - TOOLS_TOKENS - SYSTEM_TOKENS);
    const context = textOfTokens(own, `session ${seed}.${session} `);
    this.turns = [{ role: "user", content: [{ type: "text", text: context, cache_control: { type: "ephemeral" } }] }];
  }

  /** Something new from the user or a tool. */
  append(tokens: number, opening: string): void {
    const block: TextBlock = { type: "text", text: textOfTokens(tokens, opening) };
    const last = this.turns.at(-1);
    if (last?.role === "user") last.content.push(block);
    else this.turns.push({ role: "user", content: [block] });
  }

  answered(text: string): void {
    this.turns.push({ role: "assistant", content: [{ type: "text", text }] });
  }

  /** Marked for the cache at the system prompt, at the session's context, and at the end, where the next step will go on. */
  body({ model, maxTokens }: { model: string; maxTokens: number }): string {
    const messages = this.turns.map((turn, index) =>
      index === this.turns.length - 1 ? { ...turn, content: markedAtEnd(turn.content) } : turn,
    );
    const system = [{ type: "text", text: SYSTEM, cache_control: { type: "ephemeral" } }];
    return JSON.stringify({ model, max_tokens: maxTokens, stream: true, tools: TOOLS, system, messages });
  }
}

function markedAtEnd(content: readonly TextBlock[]): TextBlock[] {
  return content.map((block, index) =>
    index === content.length - 1 ? { ...block, cache_control: { type: "ephemeral" } } : block,
  );
}
