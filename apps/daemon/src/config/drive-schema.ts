import { nodeOptionsSchema } from '@tidemark/qmp';
import * as v from 'valibot';
import {
  flag,
  granularity,
  ID,
  ID_EXPECTED,
  key,
  mapping,
  named,
  ofKind,
  oneOf,
  optional,
  path,
  size,
} from './fields.ts';

/** QEMU's limit of a bitmap's name. */
const BITMAP_NAME = /^(?!\0)[^\0]{1,1023}$/u;

const Bitmap = mapping({
  granularity: optional(
    granularity,
    'Bytes to a bit. Of a bitmap that exists: what it must have',
    "QEMU's: 64K, or the image's clusters",
  ),
  enabled: optional(
    flag,
    'Whether it records what is written',
    'as it was stored; true for a new one',
  ),
  persistent: optional(flag, 'false: it is kept in memory and ends with the process', 'true'),
  absent: optional(flag, 'true: it is removed where it is there', 'false'),
});

const bitmaps = optional(
  named(v.nullable(Bitmap, {}), BITMAP_NAME, 'a name of 1 to 1023 characters'),
  'Bitmaps that have to be there, by their names; those that are not are made. Others that the drive has go on as they are',
);

export const FileDrive = mapping({
  file: key(path, 'An image file or a block device'),
  format: key(
    oneOf(['raw', 'qcow2']),
    'Its format. It is not guessed: a guest can write what it looks like',
  ),
  'read-only': optional(flag, 'true: nothing is written, and others may write it', 'false'),
  discard: optional(
    oneOf(['unmap', 'ignore']),
    'Whether space that clients give up is given back',
    'unmap',
  ),
  durability: optional(
    oneOf(['live', 'close']),
    'live: bitmaps survive a crash; close: they are stored at a clean end only',
    'live, where the store can do it',
  ),
  'on-tracking-error': optional(
    oneOf(['stop', 'report', 'drop']),
    'What becomes of a write that cannot be marked: it waits, fails, or is made once the bitmaps are inconsistent',
    'stop',
  ),
  'tracking-bound': optional(
    size,
    'Bytes that live bitmaps may call dirty beyond what was written, 4M or more',
    '32G',
  ),
  bitmaps,
});

export const NodeDrive = mapping({
  node: key(
    ofKind('a node', nodeOptionsSchema),
    "In place of all keys above but bitmaps: the node as QMP's blockdev-add takes it, without node-name. A text in place of an inner node names another drive",
  ),
  bitmaps,
});

const Drive = v.lazy((value): typeof FileDrive | typeof NodeDrive => {
  return typeof value === 'object' && value !== null && 'node' in value ? NodeDrive : FileDrive;
});

export const Drives = named(Drive, ID, ID_EXPECTED);

export type DriveConfig = v.InferOutput<typeof FileDrive> | v.InferOutput<typeof NodeDrive>;
export type BitmapConfig = v.InferOutput<typeof Bitmap>;
