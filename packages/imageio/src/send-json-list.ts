import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Characters that are sent at a time. A list of one such piece is sent with its length. */
const PIECE = 64 * 1024;

/**
 * Answers with a JSON list, however long it is, as its items come: a disk can have more extents than
 * memory holds. What fails before the first piece is thrown, and nothing was sent then.
 */
export async function sendJsonList(
  response: ServerResponse,
  items: AsyncIterable<object>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pieces = piecesOf(items);
  const first = await pieces.next();
  const second = await pieces.next();
  response.setHeader('content-type', 'application/json');
  const start = first.done === true ? '' : first.value;
  if (second.done === true) {
    response.setHeader('content-length', Buffer.byteLength(start));
    response.end(start);
    return;
  }
  const begun = second.value;
  const all = async function* () {
    yield start;
    yield begun;
    yield* pieces;
  };
  await pipeline(Readable.from(all(), { highWaterMark: 1 }), response, { signal });
}

async function* piecesOf(items: AsyncIterable<object>): AsyncGenerator<string, undefined> {
  let piece = '[';
  let separator = '';
  for await (const item of items) {
    piece += separator + JSON.stringify(item);
    separator = ', ';
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]\n`;
}
