import type { BlockDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';
import {
  ALLOCATION_DEPTH,
  AllocationFlag,
  BASE_ALLOCATION,
  DIRTY_BITMAP_PREFIX,
  DirtyFlag,
} from '../protocol/context-names.ts';
import type { NbdBitmap, NbdExport } from './nbd-export.ts';

/** A run of a disk that a context says the same of. */
export interface StatusRun {
  /** Bytes. */
  readonly length: number;
  readonly flags: number;
}

/** What a client can ask about a disk besides its data. */
export interface MetaContext {
  readonly name: string;
  /** Of this number in replies: as QEMU numbers them. */
  readonly id: number;
  /** The range in order, without gaps. @throws BITMAP_NOT_FOUND, IO_FAILED and the like */
  runs(offset: number, length: number): AsyncIterable<StatusRun> | Promise<Iterable<StatusRun>>;
}

// As QEMU numbers them, whether they are offered or not.
const BASE_ALLOCATION_ID = 0;
const ALLOCATION_DEPTH_ID = 1;
const FIRST_BITMAP_ID = 2;

/** All that an export offers now, in the order of replies. */
export async function contextsOf(exported: NbdExport): Promise<readonly MetaContext[]> {
  const bitmaps = (await exported.bitmaps?.()) ?? [];
  return [
    allocationContext(exported.device),
    ...(exported.allocationDepth === true ? [depthContext(exported.device)] : []),
    ...bitmaps.map((bitmap, index) => bitmapContext(bitmap, FIRST_BITMAP_ID + index)),
  ];
}

function allocationContext(device: BlockDevice): MetaContext {
  return {
    name: BASE_ALLOCATION,
    id: BASE_ALLOCATION_ID,
    async *runs(offset, length) {
      for await (const { length: bytes, zero } of device.extents(offset, length)) {
        yield { length: bytes, flags: zero ? AllocationFlag.HOLE | AllocationFlag.ZERO : 0 };
      }
    },
  };
}

function depthContext(device: BlockDevice): MetaContext {
  return {
    name: ALLOCATION_DEPTH,
    id: ALLOCATION_DEPTH_ID,
    async *runs(offset, length) {
      // A device that knows of no layers is one.
      for await (const { length: bytes, depth = 1 } of device.extents(offset, length)) {
        yield { length: bytes, flags: depth };
      }
    },
  };
}

function bitmapContext(bitmap: NbdBitmap, id: number): MetaContext {
  return {
    name: DIRTY_BITMAP_PREFIX + bitmap.name,
    id,
    async runs(offset, length) {
      return dirtyRuns(await bitmap.content(), offset, length);
    },
  };
}

function* dirtyRuns(bitmap: DirtyBitmap, offset: number, length: number): Generator<StatusRun> {
  for (const { length: bytes, dirty } of bitmap.extents(offset, length)) {
    yield { length: bytes, flags: dirty ? DirtyFlag.DIRTY : 0 };
  }
}
