import { TidemarkError } from '@tidemark/core';
import * as v from 'valibot';

/** Of the protocol; both sides have to have the same. */
export const HAND_OVER_VERSION = 1;

const MAX_NAME = 1023;
const MAX_BITMAPS = 65_535;
const MAX_EXPORTS = 1024;
const MAX_TEXT = 4096;

const name = v.pipe(v.string(), v.maxLength(MAX_NAME));
const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));

const BitmapReferences = v.pipe(
  v.array(v.union([name, v.strictObject({ node: name, name })])),
  v.maxLength(MAX_BITMAPS),
);

const exported = {
  id: text,
  name: text,
  writable: v.exactOptional(v.boolean()),
  writethrough: v.exactOptional(v.boolean()),
  description: v.exactOptional(text),
  'allocation-depth': v.exactOptional(v.boolean()),
};

const Recipe = v.variant('kind', [
  v.strictObject({ kind: v.literal('whole'), options: v.strictObject(exported) }),
  v.strictObject({
    kind: v.literal('chosen'),
    options: v.strictObject({
      ...exported,
      'node-name': name,
      bitmaps: v.exactOptional(BitmapReferences),
    }),
  }),
]);

/** What the source has, while it goes on with it. */
const Offer = v.strictObject({
  type: v.literal('offer'),
  version: v.literal(HAND_OVER_VERSION, 'speaks another version of this protocol'),
  id,
  /** As the source calls it. */
  node: name,
  format: v.picklist(['raw', 'qcow2']),
  /** Bytes. */
  size,
  /** What the target does as the source did, unless it was told otherwise. */
  options: v.strictObject({
    discard: v.exactOptional(v.picklist(['ignore', 'unmap'])),
    'detect-zeroes': v.exactOptional(v.picklist(['off', 'on', 'unmap'])),
    'x-tidemark-durability': v.exactOptional(v.picklist(['live', 'close'])),
    'x-tidemark-on-tracking-error': v.exactOptional(v.picklist(['stop', 'report', 'drop'])),
    'x-tidemark-tracking-bound': v.exactOptional(size),
  }),
  exports: v.pipe(v.array(Recipe), v.maxLength(MAX_EXPORTS)),
});

/** Names of the options that a target takes over. */
export const INHERITED = Object.keys(Offer.entries.options.entries);

/** The source has closed the drive; this is what of it lies in the drive's store for now. */
const Take = v.strictObject({
  type: v.literal('take'),
  parked: v.strictObject({
    marker: name,
    bitmaps: v.pipe(
      v.array(v.strictObject({ name, granularity: size, enabled: v.boolean(), stored: name })),
      v.maxLength(MAX_BITMAPS),
    ),
    freezes: v.pipe(
      v.array(v.strictObject({ name, id, bits: name, successor: name })),
      v.maxLength(MAX_BITMAPS),
    ),
  }),
});

/** The target has looked at the offer and waits for the drive. */
const Ready = v.strictObject({ type: v.literal('ready') });

/** The target has the drive, and serves it. */
const Taken = v.strictObject({
  type: v.literal('taken'),
  warnings: v.pipe(v.array(text), v.maxLength(MAX_EXPORTS)),
});

/** The target has not got the drive, and has nothing of it open. */
const Refused = v.strictObject({ type: v.literal('refused'), reason: text });

const Message = v.variant('type', [Offer, Take, Ready, Taken, Refused]);

export type HandOverMessage = v.InferOutput<typeof Message>;
export type HandOverOffer = v.InferOutput<typeof Offer>;
export type HandOverTake = v.InferOutput<typeof Take>;

/** @throws PROTOCOL_ERROR */
export function parseMessage(line: string): HandOverMessage {
  const result = v.safeParse(Message, parseJson(line), { abortEarly: true });
  if (result.success) return result.output;
  const [{ message, path }] = result.issues;
  const where = path?.map(({ key }) => String(key)).join('.') ?? 'message';
  throw protocolError(`${where}: ${message}`);
}

export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_TEXT);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw protocolError('a line is not JSON');
  }
}

export function protocolError(why: string): TidemarkError {
  return new TidemarkError('PROTOCOL_ERROR', `the other side of the hand-over is not one: ${why}`, {
    hint: 'check the address, and that both sides have versions that go together',
  });
}
