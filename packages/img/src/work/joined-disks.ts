import type { BlockDevice } from '@tidemark/block';

interface Place {
  readonly disk: BlockDevice;
  readonly start: number;
}

/** Disks one behind the other, to be read as one. They stay their owner's to close. */
export class JoinedDisks {
  /** Bytes. */
  readonly size: number;
  readonly #places: readonly Place[];

  constructor(disks: readonly BlockDevice[]) {
    let start = 0;
    this.#places = disks.map((disk) => {
      const place = { disk, start };
      start += disk.size;
      return place;
    });
    this.size = start;
  }

  /** @throws as the disks do */
  async read(target: Uint8Array, offset: number): Promise<void> {
    const end = offset + target.length;
    for (const { disk, start } of this.#places) {
      const from = Math.max(offset, start);
      const to = Math.min(end, start + disk.size);
      if (from < to) await disk.read(target.subarray(from - offset, to - offset), from - start);
    }
  }

  /** Of what lies in one of them, and is there in this tick. */
  readNow(target: Uint8Array, offset: number): boolean {
    const place = this.#places.find(({ disk, start }) => offset < start + disk.size);
    if (place === undefined) return false;
    const { disk, start } = place;
    const isInside = offset + target.length <= start + disk.size;
    return isInside && disk.readNow?.(target, offset - start) === true;
  }
}
