import type { HubFrame } from "@hubscale/protocol";
import { type AgentLine, ConnectedAgent } from "../connected-agent.ts";

/** A line that keeps what is sent to it. */
export class RecordingLine implements AgentLine {
  readonly sent: HubFrame[] = [];
  closedWith: number | undefined;

  get isOpen(): boolean {
    return this.closedWith === undefined;
  }

  send(frame: HubFrame): void {
    this.sent.push(frame);
  }

  sendBytes(frame: Buffer): void {
    this.sent.push(JSON.parse(frame.toString("utf8")) as HubFrame);
  }

  close(code: number): void {
    this.closedWith = code;
  }

  /** The types of the frames so far, which are forgotten. */
  takeTypes(): string[] {
    return this.sent.splice(0).map(({ type }) => type);
  }
}

/** An agent without a socket. */
export function lineAgent(agentId: string, connectedAt: number): { agent: ConnectedAgent; line: RecordingLine } {
  const line = new RecordingLine();
  return { agent: new ConnectedAgent({ type: "identify", agent_id: agentId, token: "t" }, line, connectedAt), line };
}
