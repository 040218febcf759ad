import { DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { describeRecovery } from '../src/index.ts';

const REGION = 16 * 512;

function dirtyIn(...ranges: readonly (readonly [offset: number, length: number])[]): DirtyBitmap {
  const bitmap = new DirtyBitmap(10 * REGION + 512, 512);
  for (const [offset, length] of ranges) bitmap.set(offset, length);
  return bitmap;
}

it.each([
  ['nothing', dirtyIn(), 0, 0],
  ['a part of a region', dirtyIn([512, REGION - 512]), REGION - 512, 0],
  ['a region', dirtyIn([REGION, REGION]), REGION, REGION],
  ['parts of two', dirtyIn([REGION - 512, 1024]), 1024, 0],
  ['a region and parts of those beside it', dirtyIn([512, 2 * REGION]), 2 * REGION, REGION],
  ['two that lie apart', dirtyIn([0, REGION], [3 * REGION, REGION]), 2 * REGION, 2 * REGION],
  ['the last one, which is short', dirtyIn([10 * REGION, 512]), 512, 512],
])('of a recovered bitmap with %s dirty, whole regions are told', (_, bitmap, dirty, whole) => {
  expect(describeRecovery(bitmap, REGION)).toEqual({ dirty, wholeRegions: whole });
});
