import type { BlockDevice } from '@tidemark/block';
import { expect } from 'vitest';
import { decode, type Decoded } from './decode.ts';
import type { RawClient } from './raw-client.ts';
import { COMMAND, request, type RequestFields } from './wire.ts';

/** One request and what came of it. */
export async function ask(client: RawClient, fields: RequestFields): Promise<Decoded> {
  client.send(request(fields));
  const length = fields.type === COMMAND.READ ? (fields.length ?? 0) : 0;
  return decode(await client.reply(length), { offset: Number(fields.offset ?? 0), length });
}

export async function contentOf(device: BlockDevice): Promise<Buffer> {
  const bytes = Buffer.alloc(device.size, 0xee);
  await device.read(bytes, 0);
  return bytes;
}

/** Megabytes take long to compare as values. */
export function expectSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length);
  expect(Buffer.compare(actual, expected)).toBe(0);
}
