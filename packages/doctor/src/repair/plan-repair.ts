import type { BlockDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { Incompatible } from '@tidemark/qcow2/format';
import { type CheckOptions, examine, type Examination } from '../check-image.ts';
import type { ImageCheck } from '../result.ts';
import type { RepairAction } from './actions.ts';
import { Draft, type Phase } from './draft.ts';
import { editCopiedFlags } from './edit-copied-flags.ts';
import { HeaderEditor } from './edit-header.ts';
import { editRefcounts, hasAllBlocks } from './edit-refcounts.ts';
import { FreshClusters } from './fresh-clusters.ts';
import { Overlay } from './overlay.ts';
import { type BitmapsPlan, planBitmaps } from './plan-bitmaps.ts';
import { rebuildRefcounts, type RebuiltRefcounts } from './rebuild-refcounts.ts';
import { refuseLent } from './refuse-lent.ts';
import { targetsOf } from './targets.ts';

/** What `planRepair` may change. */
export interface RepairOptions extends CheckOptions {
  /** `leaks` gives clusters back and changes nothing else. Default `all`. */
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
  if (mode === 'leaks') await planner.planLeaks();
  else await planner.planAll(planBitmaps(found.bitmaps, dropInUse));
  const isGrown = fresh.end > fresh.start;
  const sizeAfter = isGrown ? fresh.end * layout.clusterSize : source.size;

  const { onFinding: _, ...quiet } = options;
  const look = () => examine(new Overlay(device, sizeAfter, draft.latest), quiet);
  let { check: after } = await look();
  if (after.corruptions > findings.counts.corruption) {
    throw new TidemarkError('IMAGE_CORRUPT', 'this image cannot be repaired without harm', {
      where: device.label,
      hint: "copy what can be read with 'qemu-img convert', or restore it from a backup",
    });
  }
  const isSound = after.corruptions === 0 && after.checkErrors === 0 && !after.isIncomplete;
  if (mode === 'all' && isSound && (await planner.clearMarks())) ({ check: after } = await look());
  draft.prune();
  if (draft.phases.length > 0) refuseLent(device.label, layout);
  const { actions } = planner;
  const sizeBefore = source.size;
  return { before: found.check, after, actions, phases: draft.phases, sizeBefore, sizeAfter };
}

class Planner {
  readonly actions: RepairAction[] = [];
  readonly #found: Examination;
  readonly #draft: Draft;
  readonly #fresh: FreshClusters;
  readonly #header: HeaderEditor;

  constructor(found: Examination, draft: Draft, fresh: FreshClusters, header: HeaderEditor) {
    this.#found = found;
    this.#draft = draft;
    this.#fresh = fresh;
    this.#header = header;
  }

  async planLeaks(): Promise<void> {
    const { walk, refcounts } = this.#found;
    // Blocks that something else uses too must not be written to.
    if (refcounts.isBroken || walk.isIncomplete) return;
    if ((await this.#lower('down alone')) > 0) await this.#fixFlags('set');
  }

  async planAll(bitmaps: BitmapsPlan): Promise<void> {
    const { walk, refcounts } = this.#found;
    this.actions.push(...bitmaps.actions);
    this.#draft.begin('write what is new behind the end of the file');
    const directoryAt = await this.#newDirectory(bitmaps);
    const targets = targetsOf(walk, false);
    const isRebuilt = refcounts.isBroken || !hasAllBlocks(refcounts, targets, this.#fresh.end);
    const rebuilt = isRebuilt ? await this.#rebuild() : undefined;
    if (!isRebuilt) await this.#countFresh();
    await this.#switchHeader(bitmaps, directoryAt, rebuilt);
    const raised = isRebuilt ? 0 : await this.#raise();
    const changed = isRebuilt || raised > 0 || this.#found.check.corruptions > 0;
    if (changed) await this.#fixFlags('clear');
    const lowered = isRebuilt ? 0 : await this.#lower();
    if (changed || lowered > 0) await this.#fixFlags('set');
  }

  async clearMarks(): Promise<boolean> {
    const { layout } = this.#found.walk;
    const { dirty, corrupt } = Incompatible;
    const marks = layout.incompatible & (dirty | corrupt);
    if (marks === 0n) return false;
    await this.#header.setIncompatible(layout.incompatible & ~marks);
    if ((marks & dirty) !== 0n) this.actions.push({ action: 'clear-mark', mark: 'dirty' });
    if ((marks & corrupt) !== 0n) this.actions.push({ action: 'clear-mark', mark: 'corrupt' });
    return true;
  }

  /** @returns where it is; its clusters, and those of dropped bitmaps, are counted accordingly */
  async #newDirectory({ directory, freed }: BitmapsPlan): Promise<number> {
    const { layout, references } = this.#found.walk;
    for (const cluster of freed) references.counter.add(cluster, -1);
    if (typeof directory === 'string') return 0;
    const count = Math.ceil(directory.length / layout.clusterSize);
    const first = this.#fresh.take(count);
    for (let i = 0; i < count; i++) references.counter.add(first + i, 1);
    // Whole clusters: what is behind the entries is zeros.
    const bytes = new Uint8Array(count * layout.clusterSize);
    bytes.set(directory);
    await this.#draft.set(first * layout.clusterSize, bytes);
    return first * layout.clusterSize;
  }

  async #rebuild(): Promise<RebuiltRefcounts> {
    const { walk, refcounts } = this.#found;
    const targets = targetsOf(walk, true);
    const options = { targets, fresh: this.#fresh };
    const rebuilt = await rebuildRefcounts(walk, refcounts, this.#draft, options);
    this.actions.push({ action: 'rebuild-refcounts', blocks: rebuilt.blocks });
    return rebuilt;
  }

  async #countFresh(): Promise<void> {
    this.#draft.begin('count what is new');
    await this.#edit('up', this.#fresh.start);
  }

  async #raise(): Promise<number> {
    this.#draft.begin('raise refcounts');
    // Those that are new have been told of already.
    const clusters = (await this.#edit('up')) - (this.#fresh.end - this.#fresh.start);
    if (clusters > 0) this.actions.push({ action: 'raise-refcounts', clusters });
    return clusters;
  }

  async #lower(direction: 'down' | 'down alone' = 'down'): Promise<number> {
    this.#draft.begin('lower refcounts');
    const clusters = await this.#edit(direction);
    if (clusters > 0) this.actions.push({ action: 'free-leaks', clusters });
    return clusters;
  }

  #edit(direction: 'up' | 'down' | 'down alone', from = 0): Promise<number> {
    const { walk, refcounts } = this.#found;
    const targets = targetsOf(walk, false);
    return editRefcounts(walk, refcounts, this.#draft, {
      direction,
      targets,
      from,
      end: this.#fresh.end,
    });
  }

  /** Bitmaps first: the new refcounts count the directory as it is then. */
  async #switchHeader(
    { directory, count }: BitmapsPlan,
    offset: number,
    rebuilt: RebuiltRefcounts | undefined,
  ): Promise<void> {
    const { walk, bitmaps } = this.#found;
    const { brokenExtensionAt } = walk.layout;
    if (brokenExtensionAt !== undefined) {
      this.actions.push({ action: 'end-extensions', offset: brokenExtensionAt });
      await this.#header.endExtensions(brokenExtensionAt);
    }
    if (directory === 'remove') await this.#header.removeBitmaps();
    else if (directory !== 'keep') {
      const place = { count, size: directory.length, offset };
      await this.#header.placeBitmaps(bitmaps.extension!.at, place);
    }
    if (rebuilt === undefined) return;
    await this.#header.placeRefcounts(rebuilt.tableOffset, rebuilt.tableClusters);
  }

  async #fixFlags(to: 'set' | 'clear'): Promise<void> {
    const { walk } = this.#found;
    const { counter } = walk.references;
    // Where leaks are kept, a cluster may be counted more often than it is referred to.
    const isExact = (cluster: number) =>
      !walk.isIncomplete || walk.single.has(cluster) || walk.tooLow.has(cluster);
    const isExclusive = (cluster: number) => counter.get(cluster) === 1 && isExact(cluster);
    this.#draft.begin(`${to} flags`);
    const entries = await editCopiedFlags(walk, this.#draft, to, isExclusive);
    if (entries > 0) this.actions.push({ action: 'fix-copied-flags', entries });
  }
}
