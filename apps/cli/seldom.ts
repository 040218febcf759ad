import { fileURLToPath } from 'node:url';

const sources = (names: readonly string[]) =>
  names.map((name) => fileURLToPath(new URL(`../../packages/${name}.ts`, import.meta.url)));

/** What commands that look at metadata, or change it, use for few images only, or to tell of a failure. */
export const SELDOM = sources([
  'core/src/bitmap/unread-bits',
  'core/src/bitmap/count-in',
  'core/src/bitmap/extents',
  'core/src/store/plan-resize',
  'block/src/holes/util-linux',
  'block/src/io-error',
  'qcow2/src/guest-data/data-file',
  'block/src/helper/line-process',
  'block/src/holes/perl-helper',
  'img/src/open/describe-error',
  'img/src/open/open-words',
  'img/src/open/qcow2-errors',
  'img/src/open/raw-disk',
  'program/src/report-error',
  'qcow2/src/bitmaps/live-table',
  'qcow2/src/data-file/data-map',
  'qcow2/src/data-file/draft-image',
  'qcow2/src/data-file/identity-tables',
  'qcow2/src/data-file/replace-image',
  'qcow2/src/data-file/write-tables',
  'qcow2/src/io/compressed',
  'qcow2/src/io/compressed-writer',
  'qcow2/src/io/layer-extents',
  'qcow2/src/io/preallocator',
  'qcow2/src/io/reader',
  'qcow2/src/io/resizer',
  'qcow2/src/io/writer',
  'qcow2/src/io/zeroer',
  'qcow2/src/refcounts/unreferenced',
  'store-qcow2/src/another-file',
]);

/** What puts bits together. */
export const MERGES = sources([
  'core/src/bitmap/edge-reader',
  'core/src/bitmap/kernels/choose',
  'core/src/bitmap/rescale',
  'core/src/bitmap/words',
  'core/src/store/plan-merge',
  'qcow2/src/bitmaps/merge-memory',
  'qcow2/src/bitmaps/merge-source',
  'qcow2/src/bitmaps/read-later',
  'qcow2/src/bitmaps/write-merge',
]);
