import { createHash } from 'node:crypto';
import {
  checkBitmapName,
  checkGranularity,
  MAX_BITMAPS,
  MAX_NAME_BYTES,
  TidemarkError,
} from '@tidemark/core';
import * as v from 'valibot';
import type { Intent } from './intent.ts';

const SCHEMA_VERSION = 1;

/** Bytes of an intent file. */
export const MAX_INTENT_BYTES: number = 16 * 1024 * 1024;
const MAX_MEMBERS = 1024;
const MAX_PLACE = 8192;

/** As the checkers of core say. */
const passes = <T>(check: (value: T) => void) =>
  v.check((value: T) => {
    try {
      check(value);
      return true;
    } catch {
      return false;
    }
  });

const Id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const Name = v.pipe(v.string(), v.maxLength(MAX_NAME_BYTES), passes(checkBitmapName));

const Bitmap = v.variant('change', [
  v.strictObject({
    change: v.literal('put'),
    name: Name,
    granularity: v.pipe(v.number(), passes(checkGranularity)),
    enabled: v.boolean(),
    before: v.nullable(Id),
    after: v.nullable(Id),
  }),
  v.strictObject({ change: v.literal('remove'), name: Name, before: v.nullable(Id) }),
]);

const Member = v.strictObject({
  store: v.nullable(Id),
  place: v.pipe(v.string(), v.maxLength(MAX_PLACE)),
  bitmaps: v.pipe(v.array(Bitmap), v.maxLength(MAX_BITMAPS)),
  done: v.boolean(),
});

const IntentFile = v.strictObject({
  version: v.literal(SCHEMA_VERSION),
  sha256: v.string(),
  intent: v.strictObject({
    set: Id,
    members: v.pipe(v.array(Member), v.maxLength(MAX_MEMBERS)),
  }),
});

/** @throws BITMAP_INVALID: it is too large to be read again */
export function encodeIntent(intent: Intent): Uint8Array {
  const file = { version: SCHEMA_VERSION, sha256: digestOf(intent), intent };
  const bytes = new TextEncoder().encode(`${JSON.stringify(file)}\n`);
  if (bytes.length <= MAX_INTENT_BYTES && v.is(IntentFile, file)) return bytes;
  throw new TidemarkError('BITMAP_INVALID', 'the change is too large for one checkpoint', {
    hint: 'change fewer bitmaps, or bitmaps of fewer drives, at once',
  });
}

/** Undefined where the bytes are not what `encodeIntent` made. */
export function decodeIntent(bytes: Uint8Array): Intent | undefined {
  if (bytes.length > MAX_INTENT_BYTES) return undefined;
  const { success, output } = v.safeParse(IntentFile, parse(bytes));
  return success && output.sha256 === digestOf(output.intent) ? output.intent : undefined;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** Of the members in the order of the schema, whatever the order in the file. */
function digestOf({ set, members }: Intent): string {
  const ordered = members.map(({ store, place, bitmaps, done }) => {
    return { store, place, bitmaps: bitmaps.map(inOrder), done };
  });
  return createHash('sha256')
    .update(JSON.stringify({ set, members: ordered }))
    .digest('hex');
}

function inOrder(bitmap: Intent['members'][number]['bitmaps'][number]): unknown {
  if (bitmap.change === 'remove') return [bitmap.change, bitmap.name, bitmap.before];
  const { change, name, granularity, enabled, before, after } = bitmap;
  return [change, name, granularity, enabled, before, after];
}
