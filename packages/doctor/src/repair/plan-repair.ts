import type { BlockDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { type CheckOptions, examine, type Examination } from '../check-image.ts';
import type { ImageCheck } from '../result.ts';
import type { RepairAction } from './actions.ts';
import { Draft, type Phase } from './draft.ts';
import { HeaderEditor } from './edit-header.ts';
import { FreshClusters } from './fresh-clusters.ts';
import { Overlay } from './overlay.ts';
import { planBitmaps } from './plan-bitmaps.ts';
import { Planner } from './planner.ts';
import { refuseLent } from './refuse-lent.ts';

/** What `planRepair` may change. */
export interface RepairOptions extends CheckOptions {
  /**
   * `leaks` gives clusters back, and sets flags and marks right where nothing else is wrong. Default `all`.
   */
  readonly mode?: 'leaks' | 'all';
  /** Takes bitmaps out that were in use when their user ended. Default: they stay as they are. */
  readonly dropInUse?: boolean;
}

/** What a repair is going to do. Nothing has been written yet. */
export interface RepairPlan {
  readonly before: ImageCheck;
  /** What a check of the image finds when all is done. */
  readonly after: ImageCheck;
  readonly actions: readonly RepairAction[];
  /** As `qemu-img check -r` counts what it has repaired. */
  readonly fixed: { readonly leaks: number; readonly corruptions: number };
  /** What `qemu-img check` prints of the flags that are set right, but for its first word. */
  readonly flagLines: readonly string[];
  /** In the order in which they are written, with a flush after each. */
  readonly phases: readonly Phase[];
  /** Bytes of the file before and afterwards. */
  readonly sizeBefore: number;
  readonly sizeAfter: number;
}

/**
 * Looks at an image and works out what to change, down to the byte; the result is then checked as
 * if it were in place. Order of the writes: what is new goes behind the end of the file, and is
 * counted; single sectors of the header switch to it (the commit points), the bitmaps' first, since
 * one that is not to be trusted must not look sound because its refcounts are; refcounts are
 * raised; flags are cleared; refcounts are lowered; flags are set; marks are cleared. So each
 * prefix of them leaves an image that is no worse than before; at most a flag is missing, which
 * costs a copy that need not be made.
 * @throws what checkImage throws, IMAGE_CORRUPT where a repair would do harm, and IMAGE_UNSUPPORTED for a
 * sidecar whose drive is lent to QEMU
 */
export async function planRepair(
  device: BlockDevice,
  options: RepairOptions = {},
): Promise<RepairPlan> {
  const { mode = 'all', dropInUse = false } = options;
  const found = await examine(device, options);
  const { source, layout, findings, budget } = found.walk;
  const draft = new Draft(source, budget);
  const fresh = new FreshClusters(found.walk.references);
  const header = new HeaderEditor(layout, draft);
  const planner = new Planner(found, draft, fresh, header);
  await planner.clearFeatures();
  if (mode === 'leaks') await planner.planLeaks();
  else await planner.planAll(planBitmaps(found.bitmaps, dropInUse));
  const isGrown = fresh.end > fresh.start;
  const sizeAfter = isGrown ? fresh.end * layout.clusterSize : source.size;

  const { onFinding: _, ...quiet } = options;
  const look = () => examine(new Overlay(device, sizeAfter, draft.latest), quiet);
  let result = await look();
  let { check: after } = result;
  if (after.corruptions > findings.counts.corruption) {
    throw new TidemarkError('IMAGE_CORRUPT', 'this image cannot be repaired without harm', {
      where: device.label,
      hint: "copy what can be read with 'qemu-img convert', or restore it from a backup",
    });
  }
  const isSound = after.corruptions === 0 && after.checkErrors === 0 && !after.isIncomplete;
  if (isSound && (await planner.clearMarks())) {
    result = await look();
    after = result.check;
  }
  draft.prune();
  if (draft.phases.length > 0) refuseLent(device.label, layout);
  const { actions, flagLines } = planner;
  const sizeBefore = source.size;
  const fixed = {
    leaks: Math.max(0, found.check.leaks - after.leaks),
    corruptions: Math.max(0, countedWrong(found) - countedWrong(result)) + planner.flagCount,
  };
  const { phases } = draft;
  return { before: found.check, after, fixed, actions, flagLines, phases, sizeBefore, sizeAfter };
}

/** Corruptions but for flags, of which many come and go with the counts. */
function countedWrong({ check, walk }: Examination): number {
  return check.corruptions - walk.copiedFaults.count;
}
