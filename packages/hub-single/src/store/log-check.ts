/**
 * Whether a log of LevelDB is whole. LevelDB itself leaves out what it cannot read in its log and says nothing, and has no option
 * here to be strict; so acknowledged tasks would be gone without a word. The format is that of LevelDB's doc/log_format.md:
 * blocks of 32 KiB of records, each with a masked CRC-32C over its type and its bytes, a length and a type. Pure.
 */

/**
 * Where the log is damaged; undefined: it is whole, or ends in a record that a crash cut off. That one was never acknowledged,
 * and nothing was begun after it. `durableBytes`: so much of the file is known to have been on the disk, and cannot be cut off.
 */
export function damageIn(log: Uint8Array, durableBytes = 0): number | undefined {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  let bad: number | undefined;
  for (let at = 0; at + HEADER_BYTES <= log.length; ) {
    const blockEnd = Math.min(log.length, at - (at % BLOCK_BYTES) + BLOCK_BYTES);
    if (blockEnd - at < HEADER_BYTES) {
      at = blockEnd;
      continue;
    }
    const record = recordAt(log, view, at, blockEnd);
    if (!record) {
      bad ??= at;
      if (bad < durableBytes) return bad;
      // From here on byte by byte: the length of a bad record says nothing.
      at += 1;
      continue;
    }
    if (bad !== undefined && BEGINS.has(record.type)) return bad;
    at += record.bytes;
  }
  return undefined;
}

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
/** FULL, FIRST, MIDDLE, LAST. */
const TYPES_MAX = 4;
/** A record of this type begins a write: FULL, FIRST. One write is on its way to the disk at a time. */
const BEGINS: ReadonlySet<number> = new Set([1, 2]);

function recordAt(log: Uint8Array, view: DataView, at: number, blockEnd: number): { type: number; bytes: number } | undefined {
  const length = view.getUint16(at + 4, true);
  const type = view.getUint8(at + 6);
  const end = at + HEADER_BYTES + length;
  if (type < 1 || type > TYPES_MAX || end > blockEnd) return undefined;
  const isWhole = view.getUint32(at, true) === masked(crc32c(log.subarray(at + 6, end)));
  return isWhole ? { type, bytes: HEADER_BYTES + length } : undefined;
}

/** As LevelDB stores checksums, so that one over data that holds checksums stays a good one. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}

/** Castagnoli's polynomial, reflected (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  return crc;
});
