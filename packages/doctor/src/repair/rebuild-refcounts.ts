import { Limit, writeRefcount } from '@tidemark/qcow2/format';
import { TidemarkError } from '@tidemark/core';
import type { Walk } from '../count/walk.ts';
import { refcountReader } from '../refcounts/refcount-reader.ts';
import type { RefcountTable } from '../refcounts/refcount-table.ts';
import type { Draft } from './draft.ts';
import type { FreshClusters } from './fresh-clusters.ts';
import type { Targets } from './targets.ts';

/** Where the new refcounts are. */
export interface RebuiltRefcounts {
  readonly tableOffset: number;
  readonly tableClusters: number;
  readonly blocks: number;
}

/**
 * Writes all refcounts anew behind the end of the file, to clusters that they count themselves. The
 * old table and blocks are counted no more, unless something else refers to them too.
 */
export async function rebuildRefcounts(
  walk: Walk,
  old: RefcountTable,
  draft: Draft,
  { targets, fresh }: { readonly targets: Targets; readonly fresh: FreshClusters },
): Promise<RebuiltRefcounts> {
  const { layout, references, source } = walk;
  const { counter } = references;
  for (const cluster of old.own) counter.add(cluster, -1);
  const { indices, tableClusters } = planBlocks(walk, old.perBlock, targets, fresh);
  const first = fresh.take(tableClusters + indices.length);
  for (let i = 0; i < tableClusters + indices.length; i++) counter.add(first + i, 1);

  const table = new Uint8Array(tableClusters * layout.clusterSize);
  const tableView = new DataView(table.buffer);
  const before = new Uint8Array(layout.clusterSize);
  const read = refcountReader(new DataView(before.buffer), layout.refcountBits);
  for (const [i, index] of indices.entries()) {
    const offset = (first + tableClusters + i) * layout.clusterSize;
    tableView.setBigUint64(index * 8, BigInt(offset));
    const oldBlock = old.blocks[index] ?? 0;
    if (oldBlock === 0) before.fill(0);
    else await source.readInto(before, oldBlock);
    const bytes = new Uint8Array(layout.clusterSize);
    const view = new DataView(bytes.buffer);
    const from = index * old.perBlock;
    for (let entry = 0; entry < Math.min(old.perBlock, fresh.end - from); entry++) {
      const target = targets.of(from + entry, read(entry));
      if (target > 0) writeRefcount(view, entry, layout.refcountBits, target);
    }
    await draft.set(offset, bytes);
  }
  await draft.set(first * layout.clusterSize, table);
  return { tableOffset: first * layout.clusterSize, tableClusters, blocks: indices.length };
}

/** Which blocks are needed, those included that count the new table and blocks. */
function planBlocks(
  { layout, references }: Walk,
  perBlock: number,
  targets: Targets,
  fresh: FreshClusters,
): { readonly indices: readonly number[]; readonly tableClusters: number } {
  const used = new Set<number>();
  for (let index = 0; index * perBlock < references.clusters; index++) {
    const to = Math.min(references.clusters, (index + 1) * perBlock);
    if (!targets.isEmpty(index * perBlock, to)) used.add(index);
  }
  let need = 0;
  for (;;) {
    const end = fresh.next(need) + need;
    const all = new Set(used);
    const firstIndex = Math.floor(fresh.start / perBlock);
    for (let index = firstIndex; index * perBlock < end; index++) all.add(index);
    const indices = [...all].sort((a, b) => a - b);
    const tableBytes = ((indices.at(-1) ?? 0) + 1) * 8;
    if (tableBytes > Limit.refcountTableBytes) {
      throw new TidemarkError('IMAGE_UNSUPPORTED', 'the file is too long for a refcount table', {
        hint: "convert the image with 'qemu-img convert -O qcow2'",
      });
    }
    const tableClusters = Math.ceil(tableBytes / layout.clusterSize);
    if (indices.length + tableClusters <= need) return { indices, tableClusters };
    need = indices.length + tableClusters;
  }
}
