import type { Random } from './random.ts';

export const FUZZED_SIZE = 2 ** 20;
export const FUZZED_NAME = 'exp';

export type Mode = 'simple' | 'structured' | 'extended';

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

const text = (value: string) => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);

const option = (code: number, payload: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([Buffer.from('IHAVEOPT'), u32(code), u32(payload.length), payload]);

const NAMES = [FUZZED_NAME, FUZZED_NAME, FUZZED_NAME, '', 'none', 'x'.repeat(5000)];
const QUERIES = [
  'base:allocation',
  'qemu:dirty-bitmap:b',
  'qemu:allocation-depth',
  'qemu:',
  'a:b',
  '',
];

/** What a client may say to a server: any options, then requests of one mode. */
export function clientMessages(random: Random, mode: Mode): Buffer[] {
  const flags = random.chance(0.9) ? 3 : random.pick([0, 1, 2, 7, 2 ** 31]);
  const messages = [u32(flags)];
  const some = () => {
    for (let i = random.below(4); i > 0; i--) messages.push(anyOption(random));
  };
  some();
  if (mode === 'structured') messages.push(option(8));
  if (mode === 'extended') messages.push(option(11));
  if (mode !== 'simple') messages.push(metaOption(random, 10, FUZZED_NAME));
  if (random.chance(0.3)) some();
  messages.push(option(7, Buffer.concat([text(FUZZED_NAME), u16(1), u16(3)])));
  for (let i = random.below(12); i > 0; i--) messages.push(anyRequest(random, mode));
  return messages;
}

function anyOption(random: Random): Buffer {
  const name = random.pick(NAMES);
  switch (random.below(7)) {
    case 0:
      return option(3);
    case 1:
      return option(6, Buffer.concat([text(name), u16(2), u16(random.below(5)), u16(3)]));
    case 2:
      return metaOption(random, 9, name);
    case 3:
      return metaOption(random, 10, name);
    case 4:
      return option(5);
    default:
      return option(random.below(14), random.bytes(random.below(80)));
  }
}

function metaOption(random: Random, code: number, name: string): Buffer {
  const queries = Array.from({ length: random.below(4) }, () => text(random.pick(QUERIES)));
  return option(code, Buffer.concat([text(name), u32(queries.length), ...queries]));
}

/** The cookie tells what was asked, for who judges the answer: type, a number, length of a read. */
function anyRequest(random: Random, mode: Mode): Buffer {
  const isExtended = mode === 'extended';
  const type = random.pick([0, 0, 1, 1, 3, 4, 5, 6, 7, 7, 8, 99]);
  let flags = random.chance(0.7) ? 0 : random.below(64);
  const payload =
    type === 1 || random.chance(0.1) ? random.bytes(random.below(5000)) : Buffer.alloc(0);
  const isLong = isExtended && payload.length > 0;
  if (isLong) flags |= 32;
  const offset = BigInt(random.chance(0.9) ? random.below(FUZZED_SIZE) : random.below(2 ** 48));
  const asked = random.chance(0.8) ? random.below(200_000) : random.below(2 ** 32);
  const length = isLong || type === 1 ? payload.length : asked;
  const body = isLong || type === 1 ? payload : Buffer.alloc(0);
  const cookie = (BigInt(type) << 48n) | (BigInt(random.below(65_536)) << 32n) | BigInt(length);
  const head = [u16(flags), u16(type), u64(cookie), u64(offset)];
  return isExtended
    ? Buffer.concat([u32(0x21e41c71), ...head, u64(BigInt(length)), body])
    : Buffer.concat([u32(0x25609513), ...head, u32(length), body]);
}
