/**
 * Every way in which NATS says no, sorted in one place. *Refused*: it never takes this request as it is; who asked is told the limit
 * (413). *Unavailable*: not now; who asked may ask again (503), and the cause is logged once a minute. That is all the rest, what is
 * unknown here included: a node that ends helps nobody, and the next node would meet the same answer. A broken invariant is what no
 * answer of NATS is by itself: a stored record that no hub wrote. Who reads it throws a plain error, which ends the node.
 */
import { Refused, Unavailable } from "@hubscale/hub-runtime";
import { errors, type MsgHdrs } from "@nats-io/transport-node";
import { MinuteLog } from "../minute-log.ts";

/** The error of an answer of JetStream's API. */
export interface ApiError {
  /** As in HTTP. */
  code: number;
  /** JetStream's own, stable over its versions. */
  err_code?: number;
  description: string;
}

/** What a refused caller should wait: about one reconnect. */
export const RETRY_AFTER_MS = 1_000;
/** Of an operation with its subjects, in bytes. The server's default (`max_control_line`), of which it does not tell its clients. */
const CONTROL_LINE_BYTES_MAX = 4_096;
/** `HPUB`, two sizes, blanks and the line's end. */
const CONTROL_LINE_REST_BYTES = 32;

/** Of the hub's own headers, which count as payload: a revision and a state. */
const HEADERS_BYTES_MAX = 256;

const MESSAGE_TOO_LARGE = 10_054;
export const STREAM_NOT_FOUND = 10_059;
/** A cluster that is between two leaders says these, or 503. */
const BETWEEN_LEADERS = new Set([10_006, 10_007, 10_009]);

/** What the operator can do. */
const ADVICE: ReadonlyMap<number, string> = new Map([
  [10_002, "the account has no storage left: raise its limit or make room"],
  [10_023, "the server has no storage left: raise its limit or make room"],
  [10_026, "the limit of consumers is reached: raise max_consumers"],
  [10_027, "the limit of streams is reached: raise max_streams"],
  [10_028, "the server has no memory left for JetStream: raise its limit"],
  [10_047, "the server has no storage left: raise its limit or make room"],
  // The node goes on: one that is started anew would make an empty stream in its place, and nobody would see what was lost.
  [
    STREAM_NOT_FOUND,
    "the stream was deleted, and its tasks with it: restore it from a backup, or restart all nodes on an empty one",
  ],
  [10_077, "the stream takes no more messages: raise its limits or make room"],
]);

/** JetStream's API says no, and may say yes later. */
export class JetStreamError extends Unavailable {
  readonly code: number;
  /** By itself, without anybody's doing. */
  readonly isPassing: boolean;

  constructor(subject: string, { code, err_code, description }: ApiError) {
    super(`${shortened(subject)}: ${description} (${err_code ?? code})`, RETRY_AFTER_MS);
    this.name = "JetStreamError";
    this.code = err_code ?? code;
    this.isPassing = code === 503 || BETWEEN_LEADERS.has(this.code);
  }
}

/** Nobody answered in time. */
export class NoAnswer extends Unavailable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, RETRY_AFTER_MS, options);
    this.name = "NoAnswer";
  }
}

export class EngineErrors {
  readonly #log: MinuteLog;

  constructor(log: (line: string) => void) {
    this.#log = new MinuteLog(log);
  }

  /** Of an answer of JetStream's API. `maxMsgBytes`: what the stream takes, where it was asked. */
  ofApi(subject: string, error: ApiError, maxMsgBytes?: number): JetStreamError | Refused {
    if (error.err_code === MESSAGE_TOO_LARGE && maxMsgBytes !== undefined) {
      return this.refused(`${shortened(subject)}: the stream takes ${maxMsgBytes} bytes at most`, maxMsgBytes);
    }
    const found = new JetStreamError(subject, error);
    const advice = ADVICE.get(found.code);
    this.#log.tell(`api ${found.code}`, `nats: ${found.message}${advice === undefined ? "" : `; ${advice}`}`);
    return found;
  }

  /** Whether a message is larger than its stream takes, so that the stream is worth to be asked for its limit. */
  isTooLarge(error: ApiError): boolean {
    return error.err_code === MESSAGE_TOO_LARGE;
  }

  /** Not now, for a reason that is told here. */
  unavailable(cause: string, message: string, options?: ErrorOptions): Unavailable {
    this.#log.tell(cause, `nats: ${message}`);
    return new Unavailable(message, RETRY_AFTER_MS, options);
  }

  noAnswer(subject: string): NoAnswer {
    const message = `no answer to ${shortened(subject)}`;
    this.#log.tell(`no answer ${kindOf(subject)}`, `nats: ${message}`);
    return new NoAnswer(message);
  }

  refused(message: string, limitBytes: number): Refused {
    this.#log.tell("refused", `nats: refused: ${message}`);
    return new Refused("payload_too_large", message, limitBytes);
  }

  /** What cannot be sent: the server would end the connection for it. */
  ofSize(subject: string, reply: string, payload: string, { headers, maxPayloadBytes }: SizeLimits): Refused | undefined {
    // A character has three bytes at most for each of its units: what is short needs no counting.
    const isShortLine = (subject.length + reply.length) * 3 + CONTROL_LINE_REST_BYTES <= CONTROL_LINE_BYTES_MAX;
    const lineBytes = isShortLine ? 0 : Buffer.byteLength(subject) + Buffer.byteLength(reply) + CONTROL_LINE_REST_BYTES;
    if (lineBytes > CONTROL_LINE_BYTES_MAX) {
      return this.refused(`${shortened(subject)}: a subject of ${Buffer.byteLength(subject)} bytes`, CONTROL_LINE_BYTES_MAX);
    }
    if (payload.length * 3 + HEADERS_BYTES_MAX <= maxPayloadBytes) return undefined;
    const bytes = Buffer.byteLength(payload) + (headers ? Buffer.byteLength(String(headers)) : 0);
    if (bytes <= maxPayloadBytes) return undefined;
    return this.refused(
      `${shortened(subject)}: ${bytes} bytes, and the server takes ${maxPayloadBytes} at most`,
      maxPayloadBytes,
    );
  }

  /** What the client throws, or the server says by itself on the connection (`-ERR`). */
  ofConnection(error: Error): Unavailable {
    const advice = error instanceof errors.PermissionViolationError ? "; give this user the permission" : "";
    const cause = error instanceof errors.PermissionViolationError ? `permission ${kindOf(error.subject)}` : error.name;
    return this.unavailable(cause, `${error.message}${advice}`, { cause: error });
  }

  /** Something that nobody waits for was not done. */
  dropped(cause: string, message: string): void {
    this.#log.tell(cause, `nats: ${message}`);
  }
}

interface SizeLimits {
  headers: MsgHdrs | undefined;
  /** Headers included. */
  maxPayloadBytes: number;
}

/** As far as subjects have to be told apart in a log: without the id of a task, an agent or an inbox. */
function kindOf(subject: string): string {
  return subject.split(".").slice(0, 4).join(".");
}

const SUBJECT_CHARS = 120;

function shortened(subject: string): string {
  return subject.length <= SUBJECT_CHARS ? subject : `${subject.slice(0, SUBJECT_CHARS)}…`;
}
