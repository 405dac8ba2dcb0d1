import { array, assert, boolean, constantFrom, nat, property, record, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader } from "./frame-reader.ts";
import { OPCODE } from "./text-frame.ts";

/** As a server sends it: not masked. */
function serverFrame(opcode: number, payload: Uint8Array, isFinal = true): Buffer {
  const { length } = payload;
  const header = [(isFinal ? 0x80 : 0) | opcode];
  if (length < 126) header.push(length);
  else if (length < 65_536) header.push(126, length >> 8, length & 0xff);
  else header.push(127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
  return Buffer.concat([Buffer.from(header), payload]);
}

interface Heard {
  opcode: number;
  text: string;
}

/** What is heard of these bytes when they come in pieces that end where `cuts` says. */
function heardOf(bytes: Buffer, cuts: readonly number[], maxPayload = 1_000_000): Heard[] {
  const heard: Heard[] = [];
  const reader = new FrameReader(maxPayload, (opcode, payload) => heard.push({ opcode, text: payload.toString("latin1") }));
  const ends = [...cuts.filter((cut) => cut > 0 && cut < bytes.length), bytes.length].sort((a, b) => a - b);
  // All pieces through one buffer that is overwritten each time, as the connections do it.
  const shared = Buffer.alloc(bytes.length + 3);
  let from = 0;
  for (const end of ends) {
    shared.fill(0xff);
    bytes.copy(shared, 3, from, end);
    reader.push(shared, 3, 3 + end - from);
    from = end;
  }
  return heard;
}

describe("FrameReader", () => {
  it("hears the same messages however the bytes are cut, also in parts with control frames between", () => {
    const control = record({ opcode: constantFrom(OPCODE.ping, OPCODE.pong), payload: uint8Array({ maxLength: 125 }) });
    const message = record({
      opcode: constantFrom(OPCODE.text, OPCODE.binary),
      payload: uint8Array({ maxLength: 300 }),
      parts: nat(3),
      isLong: boolean(),
      between: array(control, { maxLength: 1 }),
    });
    assert(
      property(array(message, { maxLength: 8 }), array(nat(3_000), { maxLength: 40 }), (messages, cuts) => {
        const sent: Heard[] = [];
        const frames: Buffer[] = [];
        for (const { opcode, payload, parts, isLong, between } of messages) {
          const whole = isLong ? Buffer.concat([payload, Buffer.alloc(66_000, 7)]) : Buffer.from(payload);
          const step = Math.max(1, Math.ceil(whole.length / (parts + 1)));
          const pieces = Array.from({ length: parts + 1 }, (_, n) => whole.subarray(n * step, (n + 1) * step));
          pieces.forEach((piece, n) => {
            frames.push(serverFrame(n === 0 ? opcode : OPCODE.continuation, piece, n === parts));
            if (n === parts) return;
            for (const { opcode: kind, payload: its } of between) {
              frames.push(serverFrame(kind, its));
              sent.push({ opcode: kind, text: Buffer.from(its).toString("latin1") });
            }
          });
          sent.push({ opcode, text: whole.toString("latin1") });
        }
        expect(heardOf(Buffer.concat(frames), cuts)).toEqual(sent);
      }),
    );
  });

  it.each([
    ["reserved bits", Buffer.from([0xc1, 0]), 1002, /reserved/],
    ["a mask", Buffer.from([0x81, 0x80, 0, 0, 0, 0]), 1002, /masked/],
    ["an unknown opcode", Buffer.from([0x83, 0]), 1002, /opcode 3/],
    ["an unknown control opcode", Buffer.from([0x8b, 0]), 1002, /opcode 11/],
    ["a control frame in parts", Buffer.from([0x09, 0]), 1002, /control frame/],
    ["a long control frame", serverFrame(OPCODE.ping, Buffer.alloc(126)), 1002, /control frame/],
    ["a part of nothing", serverFrame(OPCODE.continuation, Buffer.from("x")), 1002, /part of no message/],
    [
      "a message within a message",
      Buffer.concat([serverFrame(OPCODE.text, Buffer.from("x"), false), serverFrame(OPCODE.text, Buffer.from("y"))]),
      1002,
      /within/,
    ],
    ["more than the limit", serverFrame(OPCODE.text, Buffer.alloc(11)), 1009, /more than 10 bytes/],
    [
      "more than the limit in parts",
      Buffer.concat([serverFrame(OPCODE.text, Buffer.alloc(6), false), serverFrame(OPCODE.continuation, Buffer.alloc(6))]),
      1009,
      /more than 10 bytes/,
    ],
    ["a length beyond all memory", Buffer.from([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]), 1009, /more than 10/],
  ])("refuses %s", (_, bytes, code, message) => {
    let thrown: unknown;
    try {
      heardOf(bytes, [], 10);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
  });
});
