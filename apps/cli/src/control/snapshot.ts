import { TidemarkError } from '@tidemark/core';
import type { QmpControl, QmpTransactionAction } from '@tidemark/qmp';
import { listControlledBitmaps } from './queries.ts';

export interface Snapshot {
  readonly nodes: readonly string[];
  /** What was dirty is in here, and stands still. */
  readonly taken: string;
}

/**
 * At one instant on all nodes: what is dirty goes to a new bitmap, which does not record, and the old
 * one begins anew. @throws BITMAP_NOT_FOUND: a node has no such bitmap
 */
export async function snapshotBitmaps(
  control: QmpControl,
  { name, taken, nodes }: Snapshot & { readonly name: string },
): Promise<Snapshot> {
  const bitmaps = await listControlledBitmaps(control, undefined);
  const actions = nodes.flatMap((node): QmpTransactionAction[] => {
    const source = bitmaps.find((bitmap) => bitmap.node === node && bitmap.name === name);
    if (source === undefined) throw notFound(node, name);
    const { persistent, granularity } = source;
    const added = { node, name: taken, disabled: true, persistent, granularity };
    return [
      { type: 'block-dirty-bitmap-add', data: added },
      { type: 'block-dirty-bitmap-merge', data: { node, target: taken, bitmaps: [name] } },
      { type: 'block-dirty-bitmap-clear', data: { node, name } },
    ];
  });
  await control.call('transaction', { actions });
  return { nodes, taken };
}

function notFound(node: string, bitmap: string): TidemarkError {
  const text = `node '${node}' has no bitmap '${bitmap}'`;
  const hint = 'list the bitmaps with tidemark ctl bitmaps';
  return new TidemarkError('BITMAP_NOT_FOUND', text, { where: node, bitmap, hint });
}
