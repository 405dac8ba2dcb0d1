/** What the bench and the process in which primitives run say to each other, over the channel of `child_process.fork`. */

/** What one task puts on the wire and on the disk of a hub, as texts of real ones. */
export interface TaskTexts {
  submitBody: string;
  submitAnswer: string;
  assign: string;
  accepted: string;
  acceptedAck: string;
  complete: string;
  completeAck: string;
  /** A completed row as the hub shows it. */
  row: string;
  token: string;
}

/** Work that needs no client: repeated until the time is over. */
export type LoopKind = "parse" | "stringify" | "sha256" | "commit1" | "commit8" | "commit64";

/** Which frame goes out to the clients. */
export type FrameOut = "assign" | "acceptedAck";

export type PrimitiveCommand =
  | { kind: "open"; texts: TaskTexts; dataFolder: string; connections: number }
  | { kind: "loop"; loop: LoopKind; durationMs: number }
  /** Sends one frame to each WebSocket client. */
  | { kind: "send"; frame: FrameOut }
  | { kind: "close" };

export type PrimitiveReply =
  | { kind: "opened"; fastify: string; http: string; ws: string }
  | { kind: "looped"; operations: number }
  | { kind: "sent" }
  /** Unasked: as many frames have come in as there are clients. */
  | { kind: "received" }
  | { kind: "closed" };
