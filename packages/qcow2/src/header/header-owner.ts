import { SECTOR_SIZE } from '../geometry.ts';
import type { BitmapsPointer } from '../image-metadata.ts';
import type { HostFile } from '../io/host-file.ts';
import { arrangeExtensions, composeHeader, encodeFields } from './compose-header.ts';
import { isInUse, moveBehind, withRoom } from './header-room.ts';
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
    const next = withRoom(withBitmaps(this.#header, pointer), this.#file.label);
    const area = await this.#area(next);
    const rest = area.subarray(SECTOR_SIZE);
    if (Buffer.compare(await this.#file.readNew(SECTOR_SIZE, rest.length), rest) !== 0) {
      await this.#makeWay(area.length);
      await this.#file.write(rest, SECTOR_SIZE);
      await this.#file.flush();
    }
    // The commit point: pointer and autoclear bit lie in one sector.
    await this.#commit(next, area.subarray(0, SECTOR_SIZE));
  }

  /**
   * Makes sure that nothing between sector 0 and `end` is in use, so that it can be written before
   * sector 0 says what it means. This happens once, in images with long extensions or names.
   */
  async #makeWay(end: number): Promise<void> {
    if (!isInUse(this.#header, SECTOR_SIZE, end)) return;
    const moved = moveBehind(this.#header, end, this.#file.label);
    await this.#file.write(moved.bytes.subarray(moved.from), moved.from);
    await this.#file.flush();
    await this.#commit(moved.header, moved.bytes.subarray(0, SECTOR_SIZE));
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
    extensions: arrangeExtensions(header, bitmaps),
    bitmaps,
    bitmapsLost: false,
    autoclear:
      bitmaps === undefined ? autoclear & ~Autoclear.bitmaps : autoclear | Autoclear.bitmaps,
    headerLength: Math.max(header.headerLength, HEADER_LENGTH),
  };
}
