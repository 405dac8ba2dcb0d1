import type { AgentState } from "@hubscale/hub-core";
import type { AgentEntry, HubFrame, SidecarFrameOf } from "@hubscale/protocol";
import { MailboxGate } from "./mailbox-gate.ts";
import type { Cancel, PresenceEntry, RosterAgent } from "./ports.ts";

/** The way back to an agent. Sending never blocks and never throws; after the end of the connection it does nothing. */
export interface AgentLine {
  readonly isOpen: boolean;
  send(frame: HubFrame): void;
  /** A frame that was serialised before, for fan-out. */
  sendBytes(frame: Buffer): void;
  close(code: number, reason: string): void;
}

/** One identified connection. Its state is moved by the roster only. */
export class ConnectedAgent implements RosterAgent {
  readonly agentId: string;
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly ollamaUrl: string | null;
  readonly ollamaHost: string | null;
  readonly connectedAt: number;
  readonly line: AgentLine;
  readonly channels = new Set<string>();
  status: string;
  state: AgentState = "offline";
  taskId: string | null = null;
  /** False until its first transition after the connect. */
  hasMoved = false;
  /** It did not accept a task in time, and has not been heard of since. */
  isUnresponsive = false;
  /** Set while the scheduler passes it over. */
  endPassOver: Cancel | undefined;
  endAcceptance: Cancel | undefined;
  /** Set from the connect until no message can come twice any more. */
  mailboxGate: MailboxGate | undefined = new MailboxGate();
  /** By the monotonic clock. */
  lastSeenMs = 0;
  /** The state that other nodes were last told. */
  toldState = "";

  constructor(identify: SidecarFrameOf<"identify">, line: AgentLine, connectedAt: number) {
    this.agentId = identify.agent_id;
    this.name = identify.name ?? identify.agent_id;
    this.status = identify.status ?? "idle";
    this.capabilities = identify.capabilities ?? [];
    this.ollamaUrl = identify.ollama_url ?? null;
    this.ollamaHost = this.ollamaUrl === null ? null : hostOfUrl(this.ollamaUrl);
    this.connectedAt = connectedAt;
    this.line = line;
  }

  /** As `GET /api/agents` and other nodes see it. */
  entry(fsmState: string): PresenceEntry {
    return {
      agent_id: this.agentId,
      name: this.name,
      status: this.status,
      capabilities: [...this.capabilities],
      connected_at: this.connectedAt,
      fsm_state: fsmState,
      ollama_url: this.ollamaUrl,
    };
  }
}

/** The part of an entry that agents are shown. */
export function agentEntryOf(entry: AgentEntry): AgentEntry {
  return {
    agent_id: entry.agent_id,
    capabilities: entry.capabilities,
    connected_at: entry.connected_at,
    name: entry.name,
    status: entry.status,
  };
}

/** Null: not a URL. */
export function hostOfUrl(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname : null;
}
