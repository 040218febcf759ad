import { Incompatible } from '@tidemark/qcow2/format';
import type { Examination } from '../check-image.ts';
import { copiedLine, inQemuOrder, MAX_HELD } from '../count/copied-faults.ts';
import { hex } from '../qemu-line.ts';
import type { RepairAction } from './actions.ts';
import type { Draft } from './draft.ts';
import { type ChangedFlag, editCopiedFlags } from './edit-copied-flags.ts';
import type { HeaderEditor } from './edit-header.ts';
import { editRefcounts, hasAllBlocks } from './edit-refcounts.ts';
import type { FreshClusters } from './fresh-clusters.ts';
import type { BitmapsPlan } from './plan-bitmaps.ts';
import { rebuildRefcounts, type RebuiltRefcounts } from './rebuild-refcounts.ts';
import { targetsOf } from './targets.ts';

/** Drafts the steps of a repair, in the order that `planRepair` promises. */
export class Planner {
  readonly actions: RepairAction[] = [];
  #isRebuilt = false;
  /** Flags that are set right. */
  flagCount = 0;
  readonly #flags: ChangedFlag[] = [];
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

  async clearFeatures(): Promise<void> {
    const cleared = await this.#header.clearUnknownAutoclear();
    if (cleared !== 0n) this.actions.push({ action: 'clear-features', autoclear: hex(cleared) });
  }

  async planLeaks(): Promise<void> {
    const { walk, refcounts, check } = this.#found;
    // Blocks that something else uses too must not be written to.
    if (refcounts.isBroken || walk.isIncomplete) return;
    const flags = walk.copiedFaults.count;
    // Where nothing but flags is wrong beside leaks, the counts are exact when those are gone.
    const isExact = check.corruptions === flags && check.checkErrors === 0;
    if (isExact && flags > 0) await this.#fixFlags('clear');
    const lowered = await this.#lower('down alone');
    if (lowered > 0 || (isExact && flags > 0)) await this.#fixFlags('set');
  }

  /** What `qemu-img check` prints of the flags that are set right. */
  get flagLines(): readonly string[] {
    const { walk } = this.#found;
    return inQemuOrder(walk, this.#flags).map((flag) =>
      copiedLine(flag, walk.references.counter.get(flag.cluster)),
    );
  }

  async planAll(bitmaps: BitmapsPlan): Promise<void> {
    const { walk, refcounts } = this.#found;
    this.actions.push(...bitmaps.actions);
    this.#draft.begin('write what is new behind the end of the file');
    const directoryAt = await this.#newDirectory(bitmaps);
    const targets = targetsOf(walk, false);
    const isRebuilt = refcounts.isBroken || !hasAllBlocks(refcounts, targets, this.#fresh.end);
    this.#isRebuilt = isRebuilt;
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
    const { counter, clusters } = walk.references;
    // Where leaks are kept, a cluster may be counted more often than it is referred to.
    const isExact = (cluster: number) =>
      !walk.isIncomplete || walk.single.has(cluster) || walk.tooLow.has(cluster);
    // What lies behind the end of the file is counted as before, or not at all.
    const isExclusive = (cluster: number) =>
      cluster < clusters
        ? counter.get(cluster) === 1 && isExact(cluster)
        : !this.#isRebuilt && walk.single.has(cluster);
    this.#draft.begin(`${to} flags`);
    const entries = await editCopiedFlags(walk, this.#draft, to, isExclusive, (flag) => {
      this.flagCount += 1;
      if (this.#flags.length < MAX_HELD) this.#flags.push(flag);
    });
    if (entries > 0) this.actions.push({ action: 'fix-copied-flags', entries });
  }
}
