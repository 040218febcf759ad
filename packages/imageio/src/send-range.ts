import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ByteRange } from './byte-range.ts';
import type { ImageDevice } from './ticket.ts';

/** Bytes that are read at a time, so what a client that does not read costs. */
const PIECE = 256 * 1024;

/**
 * Sends a range as the body, of which the headers are set. What fails at the first piece is thrown,
 * and nothing was sent then; what fails later cuts the connection, since the status is out by then.
 */
export async function sendRange(
  response: ServerResponse,
  device: ImageDevice,
  { offset, length }: ByteRange,
  signal: AbortSignal | undefined,
): Promise<void> {
  const end = offset + length;
  const read = async (at: number) => {
    // A new one for each: the socket keeps it until it is out.
    const bytes = Buffer.allocUnsafe(Math.min(PIECE, end - at));
    await device.read(bytes, at);
    return bytes;
  };
  const first = await read(offset);
  if (first.length === length) {
    response.end(first);
    return;
  }
  const pieces = async function* () {
    yield first;
    for (let at = offset + PIECE; at < end; at += PIECE) yield await read(at);
  };
  await pipeline(Readable.from(pieces(), { highWaterMark: 1 }), response, { signal });
}
