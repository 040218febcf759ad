import { TidemarkError } from '@tidemark/core';
import { SECTOR_SIZE } from '../geometry.ts';
import type { BitmapsPointer } from '../image-metadata.ts';
import type { HostFile } from '../io/host-file.ts';
import {
  backingNameOffset,
  composeHeader,
  encodeFields,
  staticExtensions,
} from './compose-header.ts';
import type { ImageHeader } from './image-header.ts';
import { Autoclear, HEADER_LENGTH } from './spec.ts';

type Patch = Partial<
  Pick<
    ImageHeader,
    | 'virtualSize'
    | 'l1Entries'
    | 'l1Offset'
    | 'refcountTableOffset'
    | 'refcountTableClusters'
    | 'autoclear'
  >
>;

/**
 * The one writer of the first cluster. Each change is composed from the current state, in one
 * write of sector 0, so that no two changes can undo each other. Calls must not overlap, and each
 * ends with a flush.
 */
export class HeaderOwner {
  readonly #file: HostFile;
  #header: ImageHeader;

  constructor(file: HostFile, header: ImageHeader) {
    this.#file = file;
    this.#header = header;
  }

  get header(): ImageHeader {
    return this.#header;
  }

  /** Changes fields only; extensions stay byte for byte as they are. */
  async patch(changes: Patch): Promise<void> {
    const next = { ...this.#header, ...changes };
    const sector = await this.#file.readNew(0, SECTOR_SIZE);
    sector.set(encodeFields(next));
    await this.#commit(next, sector);
  }

  /**
   * Switches to another bitmap directory, or to none: what it names must be durable already.
   * @throws NO_SPACE when the first cluster has no room for the extension: nothing was changed
   */
  async setBitmaps(pointer: BitmapsPointer | undefined): Promise<void> {
    const next = this.#withRoom(withBitmaps(this.#header, pointer));
    const area = await this.#area(next);
    const rest = await this.#file.readNew(SECTOR_SIZE, area.length - SECTOR_SIZE);
    if (Buffer.compare(rest, area.subarray(SECTOR_SIZE)) !== 0) {
      await this.#layOut(next, area);
    }
    // The commit point: pointer and autoclear bit lie in one sector.
    await this.#commit(next, area.subarray(0, SECTOR_SIZE));
  }

  /** Moves the name out of the extensions' way, if it is in their way. */
  #withRoom(next: ImageHeader): ImageHeader {
    const { backing } = next;
    const end = composeHeader(next).length;
    const offset = backing !== undefined && backing.offset < end ? backingNameOffset(next) : 0;
    const moved = offset === 0 ? next : { ...next, backing: { bytes: backing!.bytes, offset } };
    const needed = Math.max(end, (moved.backing?.offset ?? 0) + (backing?.bytes.length ?? 0));
    if (needed > 2 ** next.clusterBits) {
      throw new TidemarkError('NO_SPACE', 'the header has no room for a bitmaps extension', {
        where: this.#file.label,
        hint: 'use an image with larger clusters or a shorter backing file name',
      });
    }
    return moved;
  }

  /** Whole sectors that hold the header, its extensions, and the name where that has to move. */
  async #area(next: ImageHeader): Promise<Uint8Array<ArrayBuffer>> {
    const composed = composeHeader(next);
    const { backing } = next;
    const nameMoves = backing !== undefined && backing.offset !== this.#header.backing?.offset;
    const nameEnd = nameMoves ? backing.offset + backing.bytes.length : 0;
    const end = Math.max(composed.length, nameEnd);
    const length = Math.ceil(end / SECTOR_SIZE) * SECTOR_SIZE;
    // What is behind the end marker in the last sector stays, from the second sector on.
    const area = await this.#file.readNew(0, length);
    area.fill(0, 0, Math.max(SECTOR_SIZE, composed.length));
    area.set(composed);
    if (backing !== undefined && backing.offset < length) {
      area.set(backing.bytes.subarray(0, length - backing.offset), backing.offset);
    }
    return area;
  }

  /**
   * More than sector 0 changes, which happens once, when an image with long extensions is laid out
   * our way. Until the last step nothing vouches for bitmaps: cut short, they are lost, not stale.
   */
  async #layOut(next: ImageHeader, area: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.patch({ autoclear: this.#header.autoclear & ~Autoclear.bitmaps });
    const unvouched = { ...next, autoclear: next.autoclear & ~Autoclear.bitmaps };
    const bytes = area.slice();
    bytes.set(encodeFields(unvouched));
    await this.#commit(unvouched, bytes);
  }

  async #commit(next: ImageHeader, bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, 0);
    await this.#file.flush();
    this.#header = next;
  }
}

function withBitmaps(header: ImageHeader, bitmaps: BitmapsPointer | undefined): ImageHeader {
  const { autoclear } = header;
  return {
    ...header,
    extensions: staticExtensions(header),
    bitmaps,
    bitmapsLost: false,
    autoclear:
      bitmaps === undefined ? autoclear & ~Autoclear.bitmaps : autoclear | Autoclear.bitmaps,
    headerLength: Math.max(header.headerLength, HEADER_LENGTH),
  };
}
