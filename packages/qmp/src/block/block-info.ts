import type { JsonObject } from '../json/json-value.ts';
import type { QmpBitmap, QmpBlockInfo, QmpNode } from '../target.ts';

/** qapi BlockDeviceInfo of a node, with the members that QEMU always has. */
export async function describeNode(node: QmpNode): Promise<JsonObject> {
  const [info, bitmaps] = await Promise.all([node.blockInfo(), node.bitmaps()]);
  return {
    'node-name': node.name,
    drv: info.driver,
    file: info.file,
    ro: info.readOnly,
    encrypted: false,
    backing_file_depth: info.backingDepth ?? 0,
    backing_file: info.backingFile,
    detect_zeroes: 'off',
    write_threshold: 0,
    cache: { writeback: true, direct: false, 'no-flush': false },
    bps: 0,
    bps_rd: 0,
    bps_wr: 0,
    iops: 0,
    iops_rd: 0,
    iops_wr: 0,
    image: {
      filename: info.file,
      format: info.driver,
      'virtual-size': info.virtualSize,
      'actual-size': info.actualSize ?? 0,
      'cluster-size': info.clusterSize,
      'dirty-flag': false,
    },
    // Not of QEMU, whose own words for it, `io-status`, stand in query-block.
    'x-tidemark-io-status': ioStatus(info),
    'x-tidemark-path': info.path,
    'dirty-bitmaps': bitmaps.length === 0 ? undefined : bitmaps.map(describeBitmap),
  };
}

function ioStatus({ trouble }: QmpBlockInfo): JsonObject | undefined {
  if (trouble === undefined) return undefined;
  return { status: trouble.isFull ? 'nospace' : 'failed', reason: trouble.reason };
}

function describeBitmap(bitmap: QmpBitmap): JsonObject {
  const { name, recording, persistent, busy, granularity, count } = bitmap;
  const { inconsistent, frozen, checkpoint, recovered } = bitmap;
  const told = { name, recording, persistent, busy, granularity, count };
  return {
    ...told,
    ...(inconsistent && { inconsistent }),
    ...(frozen !== undefined && { 'x-tidemark-freeze': frozen }),
    ...(checkpoint !== undefined && { 'x-tidemark-checkpoint': checkpoint }),
    ...(recovered && {
      'x-tidemark-recovered': { dirty: recovered.dirty, 'whole-regions': recovered.wholeRegions },
    }),
  };
}
