import { checkImage } from '../../../qcow2/test/support/check-image.ts';
import type { ExplorerAction } from './claims.ts';
import { GuestClusters } from './guest-clusters.ts';
import type { SectorDevice } from './sectors.ts';
import { NAMES } from './choose-actions.ts';
import { GRANULE, GRANULES, SIZES } from './setting.ts';

/** Clusters that may be cut off outside of a change of bitmaps: of bits that get one. */
const OUTSIDE = 4;
/** Bytes that a process may append: clusters there can be counted already. */
const APPENDED = 2 * 1024 ** 2;
/** Bytes of the bitmap directory. */
const DIRECTORY = 1024;

type Change = readonly ExplorerAction[];

/**
 * Holds the clusters that a power cut leaves cut off against those that may be: of the change of
 * bitmaps under way; of the one before it, whose old clusters the next flush gives back; and of guest
 * data. To open a drive is a change of none, which makes a new directory.
 */
export class Leaks {
  /** Those that an earlier crash may have left. */
  #before = 0;
  /** Clusters that a shrink which was cut off has left behind the end: a grow gives them back. */
  #behindEnd = 0;
  #last: Change | undefined = [];
  #current: Change | undefined;
  #guest = new GuestClusters();

  /** A process begins. `isExact`: nothing that an earlier one did can still be lost. */
  begin(file: SectorDevice, isExact: boolean): void {
    const { leaks, behindEnd } = checkImage(file.sectors.bytes(APPENDED));
    this.#before = isExact ? leaks : Infinity;
    this.#behindEnd = behindEnd;
    this.#last = [];
    this.#current = undefined;
    this.#guest = new GuestClusters();
  }

  /** A process has ended cleanly. @returns what is wrong: it has given all back */
  closed(file: SectorDevice): readonly string[] {
    const more = checkImage(file.sectors.bytes()).leaks - this.#before;
    return more <= 0 ? [] : [`${more} clusters are cut off by a process that has ended cleanly`];
  }

  /** A change of bitmaps begins, or is over. */
  change(actions: Change | undefined): void {
    this.#last = this.#current ?? this.#last;
    this.#current = actions;
    for (const action of actions ?? []) if (action.op === 'resize') this.#guest.cutAt(action.to);
  }

  /** Guest data is written. @returns what to call when that is over */
  changing(granules: readonly number[], isZero: boolean): () => void {
    return this.#guest.changing(granules, isZero);
  }

  /** The drive is flushed. @returns what to call when it was */
  flushing(): () => void {
    const last = this.#last;
    const isOver = this.#current === undefined;
    const flushed = this.#guest.flushing();
    return () => {
      flushed();
      if (isOver && this.#last === last) this.#last = undefined;
    };
  }

  /** A power cut leaves the file now. @returns what is wrong with it, whatever its bitmaps say */
  look(file: SectorDevice): () => readonly string[] {
    const clusterSize = 2 ** new DataView(file.sectors.get(0).bytes.buffer).getUint32(20);
    const changes = [this.#last, this.#current].filter((change) => change !== undefined);
    const ofChanges = changes.reduce((sum, change) => sum + clustersOf(change, clusterSize), 0);
    const behindEnd = changes.some(isGrowth) ? this.#behindEnd : 0;
    const limit = OUTSIDE + ofChanges + behindEnd + this.#guest.count(clusterSize);
    const before = this.#before;
    return () => {
      const { corruptions, leaks } = checkImage(file.sectors.bytes());
      const more = leaks - before;
      if (more <= limit) return corruptions;
      return [...corruptions, `${more} clusters are cut off, ${limit} may be`];
    };
  }
}

const isGrowth = (change: Change) =>
  change.some((action) => action.op === 'resize' && action.to > action.from);

/** That a change takes: of each bitmap the table and the bits, and the directory. */
function clustersOf(change: Change, clusterSize: number): number {
  const resize = change.find((action) => action.op === 'resize');
  if (resize !== undefined) return clustersOfResize(resize, clusterSize);
  const names = new Set(change.map((it) => (it.op === 'merge' ? it.target : nameOf(it))));
  const bits = Math.ceil(GRANULES / 8 / clusterSize);
  return names.size * (1 + bits) + Math.ceil(DIRECTORY / clusterSize);
}

/**
 * A resize takes new ones for each bitmap, and a new L1 table of so many bytes at most; and gives
 * back what lies behind a smaller end, with its tables.
 */
function clustersOfResize(
  { from, to }: { readonly from: number; readonly to: number },
  clusterSize: number,
): number {
  const bits = Math.ceil(Math.max(...SIZES) / 8 / clusterSize);
  const cut = Math.ceil((Math.max(0, from - to) * GRANULE) / clusterSize);
  const tables = cut === 0 ? 0 : 1 + Math.ceil((cut * 8) / clusterSize);
  const own = NAMES.length * (1 + bits) + Math.ceil(2048 / clusterSize);
  return own + Math.ceil(DIRECTORY / clusterSize) + cut + tables;
}

const nameOf = (action: ExplorerAction) => ('name' in action ? action.name : '');
