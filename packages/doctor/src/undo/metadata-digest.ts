import { createHash } from 'node:crypto';
import type { BlockDevice } from '@tidemark/block';
import {
  BitmapLimit,
  BitmapsExtension,
  ExtensionHead,
  ExtensionType,
} from '@tidemark/qcow2/format';
import { Findings } from '../findings.ts';
import type { Layout } from '../layout/layout.ts';
import type { HostRange } from '../layout/ranges.ts';
import { readLayout } from '../layout/read-layout.ts';
import { Source } from '../layout/source.ts';

const STEP = 1 << 20;
const OFFSET = ~0x1ffn;

/**
 * SHA-256 of an image's size, first cluster, active L1 table, bitmap directory, refcount table and
 * refcount blocks: whoever allocates or frees a cluster changes it. Bytes behind the end count as zeros.
 */
export async function metadataDigest(device: BlockDevice, size: number): Promise<Uint8Array> {
  const source = new Source(device);
  const layout = await readLayout(source, new Findings(0, undefined));
  const hash = createHash('sha256').update(`${size}\n`).update(layout.cluster);
  const add = async (offset: number, length: number) => {
    for await (const { bytes } of source.parts(offset, length, STEP)) hash.update(bytes);
  };
  const inside = (offset: number, length: number) => Math.max(0, Math.min(length, size - offset));
  const { l1, refcountTable: table, clusterSize } = layout;
  const directory = directoryOf(layout);
  if (directory !== undefined)
    await add(directory.offset, inside(directory.offset, directory.length));
  if (l1 !== undefined) await add(l1.offset, inside(l1.offset, l1.entries * 8));
  if (table === undefined) return hash.digest();
  const bytes = await source.read(table.offset, table.entries * 8);
  hash.update(bytes);
  const view = new DataView(bytes.buffer);
  // Each block once, as a hostile table may name one a million times.
  const seen = new Set<number>();
  for (let index = 0; index < table.entries; index++) {
    const offset = Number(view.getBigUint64(index * 8) & OFFSET);
    if (offset === 0 || offset >= size || seen.has(offset)) continue;
    seen.add(offset);
    await add(offset, inside(offset, clusterSize));
  }
  return hash.digest();
}

function directoryOf({ extensions, cluster }: Layout): HostRange | undefined {
  const found = extensions.find(({ type }) => type === ExtensionType.bitmaps);
  if (found?.length !== BitmapsExtension.size) return undefined;
  const view = new DataView(cluster.buffer, found.at + ExtensionHead.size);
  const offset = Number(view.getBigUint64(BitmapsExtension.offsetOf.directoryOffset));
  const length = Number(view.getBigUint64(BitmapsExtension.offsetOf.directorySize));
  return { offset, length: Math.min(length, BitmapLimit.directoryBytes) };
}
