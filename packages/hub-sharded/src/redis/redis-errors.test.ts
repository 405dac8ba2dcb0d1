import { Refused, Unavailable } from "@hubscale/hub-runtime";
import { ErrorCode } from "bullmq";
import { describe, expect, it } from "vitest";
import { needsNewConnection, replyCodeOf, sortOf } from "./redis-errors.ts";

/** As the client has it. */
function reply(message: string): Error {
  return Object.assign(new Error(message), { name: "ReplyError" });
}

/** Of Redis 6.2, 7.0 and 7.2, as they say it to a command and to a script. */
const REPLIES: readonly (readonly [message: string, code: string])[] = [
  ["OOM command not allowed when used memory > 'maxmemory'.", "OOM"],
  ["OOM command not allowed when used memory > 'maxmemory'. script: 7f92, on @user_script:121.", "OOM"],
  [
    "ERR Error running script (call to f_7f92): @user_script:121: @user_script: 121: -OOM command not allowed when used memory > 'maxmemory'. ",
    "OOM",
  ],
  ["NOPERM this user has no permissions to run the 'evalsha' command", "NOPERM"],
  ["NOPERM User hub has no permissions to run the 'zadd' command", "NOPERM"],
  [
    "ERR Error running script (call to f_7f92): @user_script:3: The user executing the script can't run this command or subcommand",
    "ERR",
  ],
  ["ERR ACL failure in script: User hub has no permissions to run the 'zadd' command script: 7f92, on @user_script:2.", "ERR"],
  ["READONLY You can't write against a read only replica.", "READONLY"],
  ["READONLY You can't write against a read only replica. script: 7f92, on @user_script:2.", "READONLY"],
  [
    "ERR Error running script (call to f_7f92): @user_script:2: @user_script: 2: -READONLY You can't write against a read only replica. ",
    "READONLY",
  ],
  ["NOAUTH Authentication required.", "NOAUTH"],
  ["WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS"],
  ["NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT"],
  ["WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"],
  ["MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", "MISCONF"],
  ["ERR max number of clients reached", "ERR"],
  ["UNKILLABLE Sorry the script already executed write commands against the dataset.", "UNKILLABLE"],
  ["BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY"],
  ["CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT"],
  ["CLUSTERDOWN Hash slot not served", "CLUSTERDOWN"],
  ["EXECABORT Transaction discarded because of previous errors.", "EXECABORT"],
  ["NOREPLICAS Not enough good replicas to write.", "NOREPLICAS"],
  ["ERR unknown command 'EVALSHA', with args beginning with: '7f92' '9'", "ERR"],
  ["WHATEVER a code of a Redis to come", "WHATEVER"],
];

describe("an error reply", () => {
  it.each(REPLIES)("%s: unavailable, with its code", (message, code) => {
    expect(sortOf(reply(message))).toBe("unavailable");
    expect(replyCodeOf(reply(message))).toBe(code);
  });

  it.each(["ERR Protocol error: invalid bulk length", "ERR string exceeds maximum allowed size (proto-max-bulk-len)"])(
    "%s: refused",
    (message) => {
      expect(sortOf(reply(message))).toBe("refused");
    },
  );

  it("asks for another connection when the server at the address is not what it was", () => {
    const codes = REPLIES.filter(([message]) => needsNewConnection(reply(message))).map(([, code]) => code);
    expect(new Set(codes)).toEqual(new Set(["READONLY", "NOAUTH"]));
  });
});

describe("any other error", () => {
  it("of the connection, or not known, is unavailable", () => {
    const lost = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
    for (const error of [lost, new Error("Connection is closed."), new SyntaxError("Unexpected end of JSON input"), "text"]) {
      expect(sortOf(error)).toBe("unavailable");
      expect(replyCodeOf(error)).toBeUndefined();
    }
    expect(sortOf(new Unavailable("away", 1_000))).toBe("unavailable");
    expect(sortOf(new Refused("payload_too_large", "too large", 1))).toBe("refused");
  });

  it("is a broken invariant when this hub's code or its jobs are wrong", () => {
    const nonsense = Object.assign(new Error("Missing key for parent job"), { code: ErrorCode.ParentJobNotExist });
    for (const error of [nonsense, new TypeError("x is not a function"), new ReferenceError("x is not defined")]) {
      expect(sortOf(error)).toBe("broken");
    }
  });
});
