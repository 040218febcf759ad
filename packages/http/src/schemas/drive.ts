import * as v from 'valibot';
import { cellBytes, flag, rate, text, whole } from './fields.ts';

/** Schema of a bitmap of a drive. */
export const Bitmap = v.object({
  name: text('Its name, of at most 1023 bytes'),
  granularity: whole('Bytes to a bit: a power of two'),
  dirtyBytes: whole('What the next backup by it copies: may exceed the disk by part of a granule'),
  recording: flag('Whether it records what is written'),
  persistent: flag('Whether it is stored'),
  busy: flag('Whether somebody holds it: it cannot be changed then'),
  inconsistent: flag('It may have missed writes, and can only be removed or rescanned'),
  loading: v.exactOptional(flag('Its bits are still being read: dirtyBytes says nothing yet')),
  recovered: v.exactOptional(
    v.pipe(
      v.object({
        dirtyBytes: whole('What it calls dirty'),
        wholeRegionBytes: whole('Of it, at most so much was marked beyond what was written'),
      }),
      v.description('Present after a session that ended without a close'),
    ),
  ),
});

/** A bitmap of a drive. */
export type Bitmap = v.InferOutput<typeof Bitmap>;

/** Schema of something about a drive that an operator should know. */
export const Warning = v.object({
  code: text(
    'BITMAP_IN_USE, BITMAP_INCONSISTENT, RECOVERED_AFTER_CRASH, SIDECAR_MISMATCH, TRACKING_BLOCKED, or another one',
  ),
  text: text('A sentence for people'),
  bitmap: v.exactOptional(text('Which bitmap it is about')),
});

/** Something about a drive that an operator should know. */
export type Warning = v.InferOutput<typeof Warning>;

const Writes = v.object({
  requests: whole('Writes, writes of zeroes and discards since counting began'),
  bytes: whole('Bytes of the disk that they were about'),
  requestsPerSecond: rate('Over about the last two seconds'),
  bytesPerSecond: rate('Over about the last two seconds'),
});

/** Schema of a drive with its bitmaps and warnings. */
export const Drive = v.object({
  name: text('Its name'),
  driver: text('raw, qcow2, or another driver of the daemon'),
  file: v.exactOptional(text('Path or URI')),
  size: whole('Bytes'),
  writable: flag('Whether it can be written'),
  bitmaps: v.array(Bitmap),
  warnings: v.array(Warning),
  writes: Writes,
  exports: v.pipe(v.array(v.string()), v.description('Ids of its exports')),
});

/** A drive with its bitmaps and warnings. */
export type Drive = v.InferOutput<typeof Drive>;

export const Drives = v.object({ drives: v.array(Drive) });

const SHARE = '0 none, 255 the whole cell, else the share of it, at least 1 when there is any';

/** Schema of a drive's map: what is dirty, allocated and recently written, by cells. */
export const DriveMap = v.object({
  offset: whole('Where the first cell begins, in bytes'),
  length: whole('Bytes of disk that are shown'),
  cellBytes: whole('Bytes of disk to a cell, a multiple of 512; the last one may be cut off'),
  cells: whole('How many there are'),
  bitmaps: v.pipe(
    v.record(v.string(), cellBytes(`how much is dirty: ${SHARE}`)),
    v.description('By the names of bitmaps; those that are not sound are left out'),
  ),
  allocated: cellBytes(`how much takes up space: ${SHARE}`),
  allocatedComplete: flag('false: looking took too long, and what is behind counts as 0'),
  written: cellBytes('0 not since counting began, else how recently: 255 now, 1 five minutes ago'),
});

/**
 * A drive's map: what is dirty, allocated and recently written, by cells. In base64, a byte for each.
 */
export type DriveMap = v.InferOutput<typeof DriveMap>;

/** Cells of a `DriveMap` at most. */
export const MOST_CELLS = 4096;

/** Schema of what part of a drive a map is asked of, and in how many cells. */
export const MapQuery = v.strictObject({
  offset: v.optional(whole('Where to begin, in bytes'), 0),
  length: v.exactOptional(whole('Bytes of disk; default: up to its end')),
  cells: v.optional(
    whole(
      'How many cells there may be; there are fewer where they would be smaller than 512 bytes',
      {
        least: 1,
        most: MOST_CELLS,
      },
    ),
    1024,
  ),
});

/** What part of a drive a map is asked of, and in how many cells. Bytes. */
export type MapQuery = v.InferOutput<typeof MapQuery>;

/** Schema of a bitmap that is to be made. */
export const NewBitmap = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(1023), v.description('Its name')),
  granularity: v.exactOptional(
    whole('Bytes to a bit: a power of two. Default: as QEMU chooses it', {
      least: 512,
      most: 2 ** 31,
    }),
  ),
  persistent: v.exactOptional(flag('false: it is kept in memory. Default true')),
  disabled: v.exactOptional(flag('true: it does not record yet. Default false')),
});

/** A bitmap that is to be made. */
export type NewBitmap = v.InferOutput<typeof NewBitmap>;
