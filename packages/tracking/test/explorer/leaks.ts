import { checkImage } from '../../../qcow2/test/support/check-image.ts';
import type { ExplorerAction } from './claims.ts';
import type { SectorDevice } from './sectors.ts';
import { NAMES } from './choose-actions.ts';
import { GRANULES, SIZES } from './setting.ts';

/** Clusters that may be cut off outside of a change of bitmaps: of bits that get one. */
const OUTSIDE = 4;

/**
 * Holds the clusters that a power cut leaves cut off against those that may be: of the change of
 * bitmaps under way, and of the one before it, whose old clusters the next flush gives back. To open
 * a drive is a change of none, which makes a new directory.
 */
export class Leaks {
  /** Those that an earlier crash may have left. */
  #before = 0;
  #last: readonly ExplorerAction[] = [];
  #current: readonly ExplorerAction[] | undefined;

  /** A process begins. `isExact`: nothing that an earlier one did can still be lost. */
  begin(file: SectorDevice, isExact: boolean): void {
    this.#before = isExact ? checkImage(file.sectors.bytes()).leaks : Infinity;
    this.#last = [];
    this.#current = undefined;
  }

  /** A change of bitmaps begins, or is over. */
  change(actions: readonly ExplorerAction[] | undefined): void {
    this.#last = this.#current ?? this.#last;
    this.#current = actions;
  }

  /** What is wrong with the image, whatever its bitmaps say. */
  judge(file: SectorDevice): readonly string[] {
    const { corruptions, leaks } = checkImage(file.sectors.bytes());
    const more = Math.max(0, leaks - this.#before);
    const inFlight = this.#current === undefined ? 0 : clustersOf(file, this.#current);
    const limit = OUTSIDE + clustersOf(file, this.#last) + inFlight;
    if (more <= limit) return corruptions;
    return [...corruptions, `${more} clusters are cut off, ${limit} may be`];
  }
}

/** That a change takes: of each bitmap the table and the bits, and the directory. */
function clustersOf(file: SectorDevice, change: readonly ExplorerAction[]): number {
  const clusterSize = 2 ** new DataView(file.sectors.get(0).bytes.buffer).getUint32(20);
  if (change.some(({ op }) => op === 'resize')) return clustersOfAll(clusterSize);
  const names = new Set(change.map((it) => (it.op === 'merge' ? it.target : nameOf(it))));
  const bits = Math.ceil(GRANULES / 8 / clusterSize);
  return names.size * (1 + bits) + Math.ceil(1024 / clusterSize);
}

/** A resize takes new ones for each bitmap, and a new L1 table of so many bytes at most. */
function clustersOfAll(clusterSize: number): number {
  const bits = Math.ceil(Math.max(...SIZES) / 8 / clusterSize);
  return NAMES.length * (1 + bits) + Math.ceil(1024 / clusterSize) + Math.ceil(2048 / clusterSize);
}

const nameOf = (action: ExplorerAction) => ('name' in action ? action.name : '');
