import { writeRefcount } from '@tidemark/qcow2/format';
import type { Walk } from '../count/walk.ts';
import { refcountReader } from '../refcounts/refcount-reader.ts';
import type { RefcountTable } from '../refcounts/refcount-table.ts';
import { type Draft, SECTOR } from './draft.ts';
import type { Targets } from './targets.ts';

/** Whether each refcount that has to be more than 0 has a block to be in. */
export function hasAllBlocks(
  { blocks, perBlock }: RefcountTable,
  targets: Targets,
  end: number,
): boolean {
  for (let index = 0; index * perBlock < end; index++) {
    if ((blocks[index] ?? 0) !== 0) continue;
    const to = Math.min(end, (index + 1) * perBlock);
    if (targets.isEmpty(index * perBlock, to)) continue;
    for (let cluster = index * perBlock; cluster < to; cluster++) {
      if (targets.of(cluster, 0) > 0) return false;
    }
  }
  return true;
}

/**
 * Changes refcounts in place, only upwards or only downwards, since the two belong on either side
 * of the other changes. `down alone`: nothing has been raised before, and nothing is to be.
 * @returns how many clusters that concerns
 */
export async function editRefcounts(
  walk: Walk,
  { blocks, perBlock }: RefcountTable,
  draft: Draft,
  options: {
    readonly direction: 'up' | 'down' | 'down alone';
    readonly targets: Targets;
    /** The first cluster that may be changed, and the one behind the last. */
    readonly from: number;
    readonly end: number;
  },
): Promise<number> {
  const { layout, source } = walk;
  const { direction, targets, from, end } = options;
  const buffer = new Uint8Array(layout.clusterSize);
  const view = new DataView(buffer.buffer);
  const read = refcountReader(view, layout.refcountBits);
  let changed = 0;
  for (let index = Math.floor(from / perBlock); index * perBlock < end; index++) {
    const block = blocks[index] ?? 0;
    if (block === 0) continue;
    await source.readInto(buffer, block);
    const dirty = new Set<number>();
    const first = Math.max(0, from - index * perBlock);
    for (let i = first; i < Math.min(perBlock, end - index * perBlock); i++) {
      const refcount = read(i);
      const target = targets.of(index * perBlock + i, refcount);
      // What is raised now was raised by the phase before, if this one lowers.
      const isKept = direction === 'up' ? target <= refcount : target === refcount;
      if (isKept || (direction === 'down alone' && target > refcount)) continue;
      writeRefcount(view, i, layout.refcountBits, target);
      dirty.add(Math.floor((i * layout.refcountBits) / 8 / SECTOR) * SECTOR);
      if (direction === 'up' || target < refcount) changed += 1;
    }
    for (const at of dirty) await draft.set(block + at, buffer.subarray(at, at + SECTOR));
  }
  return changed;
}
