import type { QmpControl, QmpReply } from '@tidemark/qmp';

export interface ControlledBitmap {
  readonly node: string;
  readonly name: string;
  /** Bytes. */
  readonly granularity: number;
  /** Bytes. */
  readonly dirtyBytes: number;
  readonly recording: boolean;
  readonly persistent: boolean;
  readonly busy: boolean;
  readonly inconsistent: boolean;
}

export interface ControlledDrive {
  readonly node: string;
  readonly driver: string;
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  readonly readOnly: boolean;
  readonly bitmaps: number;
}

/** Nodes that somebody named; with `all`, those inside other ones too. */
export async function listDrives(
  control: QmpControl,
  { all }: { readonly all: boolean },
): Promise<readonly ControlledDrive[]> {
  const nodes = await control.call('query-named-block-nodes');
  const shown = nodes.filter((node) => all || !node['node-name'].startsWith('#'));
  return shown.toReversed().map((node) => ({
    node: node['node-name'],
    driver: node.drv,
    file: node.file,
    size: node.image['virtual-size'],
    readOnly: node.ro,
    bitmaps: namedOf(node).length,
  }));
}

/** Those of all nodes, or of one. */
export async function listControlledBitmaps(
  control: QmpControl,
  wanted: string | undefined,
): Promise<readonly ControlledBitmap[]> {
  const nodes = await control.call('query-named-block-nodes');
  return nodes
    .toReversed()
    .filter((node) => wanted === undefined || node['node-name'] === wanted)
    .flatMap((node) =>
      namedOf(node).map(({ name, count, ...bitmap }) => ({
        node: node['node-name'],
        name,
        granularity: bitmap.granularity,
        dirtyBytes: count,
        recording: bitmap.recording,
        persistent: bitmap.persistent,
        busy: bitmap.busy,
        inconsistent: bitmap.inconsistent,
      })),
    );
}

type Node = QmpReply<'query-named-block-nodes'>[number];
type Bitmap = Node['dirty-bitmaps'][number];

/** Without those that QEMU makes for its jobs. */
function namedOf(node: Node): readonly (Bitmap & { readonly name: string })[] {
  return node['dirty-bitmaps'].flatMap((bitmap) =>
    bitmap.name === undefined ? [] : [{ ...bitmap, name: bitmap.name }],
  );
}
