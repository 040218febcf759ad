import type { BlockDevice } from '@tidemark/block';
import { Incompatible } from '@tidemark/qcow2/format';
import { type ReadBitmaps, readBitmaps } from './bitmaps/read-bitmaps.ts';
import { judgeClusters } from './bitmaps/judge-clusters.ts';
import { MemoryBudget } from './count/memory-budget.ts';
import { Walk } from './count/walk.ts';
import { walkL1 } from './count/walk-l1.ts';
import { walkL2 } from './count/walk-l2.ts';
import { walkSnapshots } from './count/walk-snapshots.ts';
import { type Finding, Findings } from './findings.ts';
import { readLayout } from './layout/read-layout.ts';
import { Source } from './layout/source.ts';
import { compareRefcounts } from './refcounts/compare.ts';
import { checkBlocks, readRefcountTable, type RefcountTable } from './refcounts/refcount-table.ts';
import type { ImageCheck } from './result.ts';

/** How `checkImage` looks at an image. */
export interface CheckOptions {
  /** Where the guest's data is, when the image says that it is in another file. */
  readonly dataFile?: BlockDevice;
  /** Findings that the result lists. Default 1000. */
  readonly keepFindings?: number;
  /** Told of each finding, also of those that the result has no room for. */
  readonly onFinding?: (finding: Finding) => void;
  /** Bytes of memory for counting. Default 1 GiB, enough for 64 TiB in clusters of 64 KiB. */
  readonly memoryLimit?: number;
}

const DEFAULT_KEEP = 1000;
const DEFAULT_MEMORY = 2 ** 30;

/**
 * Looks at all of an image's metadata, of one too that no program opens. Changes nothing. Its own
 * tables are read, its backing files are not.
 * @throws IMAGE_UNRECOGNIZED, IMAGE_UNSUPPORTED, IMAGE_CORRUPT (the header alone leaves nothing to
 * go by), IO_FAILED
 */
export async function checkImage(
  device: BlockDevice,
  options: CheckOptions = {},
): Promise<ImageCheck> {
  return (await examine(device, options)).check;
}

/** A check, and what a repair has to know of how it came about. */
export interface Examination {
  readonly check: ImageCheck;
  readonly walk: Walk;
  readonly refcounts: RefcountTable;
  readonly bitmaps: ReadBitmaps;
}

export async function examine(device: BlockDevice, options: CheckOptions): Promise<Examination> {
  const { keepFindings = DEFAULT_KEEP, memoryLimit = DEFAULT_MEMORY, onFinding } = options;
  const findings = new Findings(keepFindings, onFinding);
  const source = new Source(device);
  const layout = await readLayout(source, findings);
  const budget = new MemoryBudget(memoryLimit);
  const walk = new Walk(source, layout, { findings, budget, dataFile: options.dataFile });

  walk.references.addRange({ offset: 0, length: layout.clusterSize }, 1, { what: 'the header' });
  // First, since the flags in the other tables are held against what the refcounts say.
  const refcounts = await readRefcountTable(walk);
  if (layout.l1 === undefined) walk.isIncomplete = true;
  else await walkL1(walk, layout.l1, { weight: 1, isActive: true });
  await walkSnapshots(walk);
  await walkL2(walk);
  if (layout.luks !== undefined) walk.references.addRange(layout.luks, 1, { what: 'LUKS header' });
  const bitmaps = await readBitmaps(walk);
  checkBlocks(walk, refcounts);
  const end = await compareRefcounts(walk, refcounts, (cluster, refcount, references) => {
    if (refcount < references) walk.tooLow.add(cluster);
    findings.add(describeMismatch(cluster, refcount, references));
  });
  await walk.copiedFaults.report(walk, refcounts);
  judgeClusters(walk, bitmaps);
  return { check: summarize(walk, bitmaps, end), walk, refcounts, bitmaps };
}

function describeMismatch(cluster: number, refcount: number, references: number): Finding {
  const isLeak = refcount > references;
  return {
    kind: isLeak ? 'leak' : 'refcount',
    severity: isLeak ? 'leak' : 'corruption',
    cluster,
    refcount,
    references,
    message: `cluster ${cluster} has a refcount of ${refcount}, and is referred to ${references} times`,
  };
}

function summarize(walk: Walk, bitmaps: ReadBitmaps, end: number): ImageCheck {
  const { layout, findings, allocation, source } = walk;
  const { corruption, leak, bitmap, error } = findings.counts;
  return {
    label: source.device.label,
    version: layout.version,
    clusterSize: layout.clusterSize,
    refcountBits: layout.refcountBits,
    virtualSize: layout.virtualSize,
    corruptions: corruption,
    leaks: leak,
    checkErrors: error,
    totalClusters: Math.ceil(layout.virtualSize / layout.clusterSize),
    allocatedClusters: allocation.allocated,
    fragmentedClusters: allocation.fragmented,
    compressedClusters: allocation.compressed,
    imageEndOffset: end * layout.clusterSize,
    isMarkedDirty: (layout.incompatible & Incompatible.dirty) !== 0n,
    isMarkedCorrupt: (layout.incompatible & Incompatible.corrupt) !== 0n,
    bitmapsState: bitmaps.state,
    bitmaps: bitmaps.entries.map(({ name, granularity, enabled, inUse, verdict, data }) => ({
      name,
      granularity,
      enabled,
      inUse,
      verdict,
      dataClusters: data.length,
    })),
    bitmapFaults: bitmap,
    isIncomplete: walk.isIncomplete,
    findings: findings.kept,
    findingsLeftOut: findings.leftOut,
  };
}
