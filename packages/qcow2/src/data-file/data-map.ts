import { corrupt } from '../errors.ts';
import { l1EntriesFor, TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { ImageState } from '../image-state.ts';
import { decodeL2Entry } from '../mapping/l2-entry.ts';
import type { HostRange } from '../util/range-set.ts';
import { type DataFile, dataFileOf, withDataFile } from './data-file.ts';
import { identityTable } from './identity-tables.ts';

/**
 * How an image with a raw data file maps the disk: each cluster to the same place of the data file.
 * Where it says that a cluster reads as zeros, a program that trusts it would read zeros whatever
 * the data file holds, and fill the whole cluster with them at its next small write there. QEMU
 * leaves such entries behind when it writes zeros or discards.
 */
export class DataMap {
  readonly #state: ImageState;
  readonly #prepare: () => Promise<void>;

  /** For `Qcow2Image`. `prepare` has to be awaited before any change. */
  constructor(state: ImageState, prepare: () => Promise<void>) {
    this.#state = state;
    this.#prepare = prepare;
  }

  get dataFile(): DataFile {
    return dataFileOf(this.#state.header) ?? { name: undefined, raw: false };
  }

  /**
   * Bytes of the disk that the map calls zeros, ascending. Reads one table at a time, and stops at
   * the first that is wrong. @throws IMAGE_CORRUPT: clusters lie elsewhere, or have no table at all
   */
  async *zeros(): AsyncGenerator<HostRange> {
    const { header, geometry } = this.#state;
    const tables = l1EntriesFor(header.virtualSize, geometry);
    const used = new Set<number>();
    let last: HostRange | undefined;
    for (let index = 0; index < tables; index++) {
      for (const range of await this.#zerosOf(index, used)) {
        if (last !== undefined && last.offset + last.length === range.offset) {
          last = { offset: last.offset, length: last.length + range.length };
          continue;
        }
        if (last !== undefined) yield last;
        last = range;
      }
    }
    if (last !== undefined) yield last;
  }

  /**
   * Maps every cluster to its place again, durably: what the map called zeros has to be zeros in the
   * data file. Old and new entries mean the same then, so that any mix of sectors is sound.
   */
  async relink(): Promise<void> {
    await this.#prepare();
    const { header, geometry, file, map, mutex } = this.#state;
    await mutex.run(async () => {
      const tables = l1EntriesFor(header.virtualSize, geometry);
      for (let index = 0; index < tables; index++) {
        const { found, wanted, offset } = await this.#read(index);
        if (Buffer.compare(found, wanted) !== 0) await file.write(wanted, offset);
        map.tables.drop(offset);
      }
      await file.flush();
    });
  }

  /** The data file is called so from now on: one write of sector 0. @throws OUT_OF_RANGE, NO_SPACE */
  async rename(name: string): Promise<void> {
    await this.#prepare();
    const { owner, mutex } = this.#state;
    await mutex.run(() => owner.switchLayout(withDataFile(owner.header, { name })));
  }

  async #zerosOf(index: number, used: Set<number>): Promise<HostRange[]> {
    const { geometry } = this.#state;
    const { found, wanted, offset } = await this.#read(index);
    if (used.has(offset)) throw this.#fault(index, 'points to the table of another part');
    used.add(offset);
    if (Buffer.compare(found, wanted) === 0) return [];
    const ranges: HostRange[] = [];
    const [is, shouldBe] = [viewOf(found), viewOf(wanted)];
    for (let at = 0; at < found.length; at += TABLE_ENTRY_SIZE) {
      if (is.getBigUint64(at) === shouldBe.getBigUint64(at)) continue;
      const guest = index * geometry.l2Coverage + (at / TABLE_ENTRY_SIZE) * geometry.clusterSize;
      this.#assertZero(is, at, guest);
      ranges.push({ offset: guest, length: this.#lengthAt(guest) });
    }
    return ranges;
  }

  #assertZero(view: DataView, at: number, guest: number): void {
    const { geometry, file } = this.#state;
    const rules = { geometry, version: 3 };
    const mapping = decodeL2Entry(view.getUint32(at), view.getUint32(at + 4), rules);
    const kind = typeof mapping === 'string' ? 'wrong' : mapping.kind;
    if (kind === 'zero' || kind === 'unallocated') return;
    throw corrupt({
      where: file.label,
      struct: 'L2 table',
      problem: `does not map byte ${guest} of the disk to byte ${guest} of its data file`,
    });
  }

  async #read(index: number): Promise<{ found: Uint8Array; wanted: Uint8Array; offset: number }> {
    const { header, geometry, file, map } = this.#state;
    const entry = map.l1.get(index);
    // QEMU would read zeros there, and write them over what the data file holds.
    if (entry === undefined) throw this.#fault(index, 'is empty: part of the drive is not mapped');
    const wanted = identityTable(index, header.virtualSize, geometry);
    return { found: await file.readNew(entry.offset, wanted.length), wanted, offset: entry.offset };
  }

  #lengthAt(guest: number): number {
    return Math.min(this.#state.geometry.clusterSize, this.#state.header.virtualSize - guest);
  }

  #fault(index: number, problem: string): Error {
    const where = this.#state.file.label;
    return corrupt({ where, struct: 'L1 table', field: `entry ${index}`, problem });
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
