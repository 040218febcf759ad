import { crc32 as ofLong } from 'node:zlib';

/** Of more the library's own is faster, though node:zlib has to be loaded for it. Bytes. */
const SHORT = 16 * 1024;
const POLYNOMIAL = 0xedb8_8320;

let table: Uint32Array | undefined;

/**
 * The sum that `crc32` of node:zlib gives. That takes longer to load than a header takes to sum up,
 * which is all that most programs need it for.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  if (bytes.length > SHORT) return ofLong(bytes, before);
  table ??= Uint32Array.from({ length: 256 }, (_, value) => tableEntry(value));
  let sum = ~before;
  for (const byte of bytes) sum = table[(sum ^ byte) & 0xff]! ^ (sum >>> 8);
  return ~sum >>> 0;
}

function tableEntry(value: number): number {
  let sum = value;
  for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 0 ? sum >>> 1 : (sum >>> 1) ^ POLYNOMIAL;
  return sum >>> 0;
}
