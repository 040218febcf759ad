import { encodeControl } from '../control/codec.ts';
import type { Control } from '../control/control.ts';
import { CONTROL_EXTENSION } from '../control/spec.ts';
import { roundUp, SECTOR_SIZE } from '../geometry.ts';
import type { BitmapsPointer } from '../image-metadata.ts';
import type { HostFile } from '../io/host-file.ts';
import { composeHeader, encodeFields, extensionsEnd } from './compose-header.ts';
import { emptyControl, findSlots, SOME_BITMAPS } from './control-room.ts';
import { takeoverBytes } from './takeover-bytes.ts';
import { controlExtension, findControl } from './control-extension.ts';
import { isInUse, moveBehind, noRoom, withRoom } from './header-room.ts';
import type { Extension, ImageHeader } from './image-header.ts';
import { Autoclear } from './spec.ts';
import { type BitmapsPart, withBitmaps } from './with-bitmaps.ts';

/** Fields that the header owner changes. */
export type HeaderPatch = Partial<
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

export interface BitmapsChange {
  readonly pointer: BitmapsPointer | undefined;
  /** Default: the one that is there, byte for byte. */
  readonly control?: Control | undefined;
  /** Whether the control extension's autoclear bit is set. */
  readonly isVouchedFor: boolean;
  /** What else changes in the same write of sector 0. */
  readonly fields?: HeaderPatch | undefined;
}

interface KnownSlots {
  readonly header: ImageHeader;
  readonly layout: ImageHeader;
  readonly slots: number | undefined;
}

/**
 * The one writer of the first cluster. Each change is composed from the current state, in one
 * write of sector 0, so that no two changes can undo each other. Calls must not overlap, and each
 * ends with a flush.
 */
export class HeaderOwner {
  readonly #file: HostFile;
  #header: ImageHeader;
  /** Asked for several times in each change, and the same until the header is another one. */
  #knownSlots: KnownSlots | undefined;

  constructor(file: HostFile, header: ImageHeader) {
    this.#file = file;
    this.#header = header;
  }

  get header(): ImageHeader {
    return this.#header;
  }

  /** Changes fields only; extensions stay byte for byte as they are. */
  async patch(changes: HeaderPatch): Promise<void> {
    const next = { ...this.#header, ...changes };
    const sector = await this.#file.readNewSoon(0, SECTOR_SIZE);
    sector.set(encodeFields(next));
    await this.#commit(next, sector);
  }

  /**
   * Switches to another bitmap directory, or to none, and to another control extension: what they
   * name must be durable already. Where there is no room for a control extension there will be none.
   * @throws NO_SPACE when the first cluster has no room for the bitmaps': nothing was changed
   */
  async setBitmaps(change: BitmapsChange): Promise<void> {
    await this.#switch(this.#with(change, this.#header));
  }

  async #switch(next: ImageHeader): Promise<void> {
    const found = await this.#file.readNewSoon(0, roundUp(this.#usedEnd(next), SECTOR_SIZE));
    const area = this.#area(next, found);
    const rest = area.subarray(SECTOR_SIZE);
    if (Buffer.compare(found.subarray(SECTOR_SIZE), rest) !== 0) {
      await this.#makeWay(this.#usedEnd(next));
      await this.#file.writeSoon(rest, SECTOR_SIZE);
      // What is there for QEMU alone may come before sector 0 or after it.
      if (this.#usesRest(next)) await this.#file.flush();
    }
    // The commit point: pointer, control extension, autoclear bits, size of the disk and place of
    // its L1 table lie in one sector.
    await this.#commit(next, area.subarray(0, SECTOR_SIZE));
  }

  /**
   * Switches to another header, of the same bitmaps or of `change`, in one write of sector 0: the
   * commit point. All that it names has to be durable already.
   * @throws NO_SPACE when the first cluster has no room for it: nothing was changed
   */
  async switchLayout(layout: ImageHeader, change?: BitmapsChange): Promise<void> {
    const isVouchedFor = (layout.autoclear & Autoclear.control) !== 0n;
    await this.#switch(this.#with(change ?? { pointer: layout.bitmaps, isVouchedFor }, layout));
  }

  get hasRoomForBitmaps(): boolean {
    const part = { pointer: SOME_BITMAPS, control: undefined, isVouchedFor: false };
    return this.#placed(part, this.#header) !== undefined;
  }

  get hasRoomForControl(): boolean {
    return this.#slotsIn(this.#header) !== undefined;
  }

  #slotsIn(layout: ImageHeader): number | undefined {
    const known = this.#knownSlots;
    if (known?.header === this.#header && known.layout === layout) return known.slots;
    const slots = findSlots(layout, (count) => {
      const part = { pointer: SOME_BITMAPS, control: emptyControl(count), isVouchedFor: true };
      return this.#placed(part, layout);
    });
    this.#knownSlots = { header: this.#header, layout, slots };
    return slots;
  }

  #with(
    { pointer, control, isVouchedFor, fields }: BitmapsChange,
    layout: ImageHeader,
  ): ImageHeader {
    const kept = controlExtension(this.#header);
    const extension = control === undefined ? kept : this.#encode(control, layout);
    const part: BitmapsPart = { pointer, control: extension, isVouchedFor };
    const next =
      this.#placed(part, layout) ?? withRoom(withBitmaps(layout, { ...part, control: undefined }));
    if (next === undefined) throw noRoom(this.#file.label);
    return { ...next, ...fields };
  }

  /** The next header, if there is room for it and for what has to make way. */
  #placed(part: BitmapsPart, layout: ImageHeader): ImageHeader | undefined {
    const next = withRoom(withBitmaps(layout, part));
    if (next === undefined) return undefined;
    const end = this.#usedEnd(next);
    const canMakeWay =
      !isInUse(this.#header, SECTOR_SIZE, end) || moveBehind(this.#header, end) !== undefined;
    return canMakeWay ? next : undefined;
  }

  #encode(control: Control, layout: ImageHeader): Extension | undefined {
    const slots = this.#slotsIn(layout);
    if (slots === undefined) return undefined;
    const found = findControl(this.#header);
    const sequence = found !== undefined && 'control' in found ? found.sequence + 1n : 1n;
    return { type: CONTROL_EXTENSION, data: encodeControl({ control, sequence, slots }) };
  }

  /**
   * Makes sure that nothing between sector 0 and `end` is in use, so that it can be written before
   * sector 0 says what it means. Things move where an image becomes ours, if they are long. A power
   * cut that tears what QEMU writes in the midst of that loses the name of the backing file.
   */
  async #makeWay(end: number): Promise<void> {
    if (!isInUse(this.#header, SECTOR_SIZE, end) || (await this.#drawIn(end))) return;
    const moved = moveBehind(this.#header, end);
    if (moved === undefined) throw noRoom(this.#file.label);
    await this.#file.writeSoon(moved.bytes.subarray(moved.from), moved.from);
    await this.#file.flush();
    await this.#commit(moved.header, moved.bytes.subarray(0, SECTOR_SIZE));
  }

  /**
   * A header of ours that QEMU has laid out: the same in our own layout needs sector 0 alone, and
   * behind it lies what QEMU would put there, the backing file's name included. So nothing moves.
   */
  async #drawIn(end: number): Promise<boolean> {
    const header = this.#header;
    const control = controlExtension(header);
    const isVouchedFor = (header.autoclear & Autoclear.control) !== 0n;
    const drawn = withRoom(withBitmaps(header, { pointer: header.bitmaps, control, isVouchedFor }));
    if (drawn === undefined || isInUse(drawn, SECTOR_SIZE, end)) return false;
    if (drawn.backing?.offset !== header.backing?.offset) return false;
    const behind = takeoverBytes(drawn);
    const found = await this.#file.readNewSoon(SECTOR_SIZE, behind.length);
    if (behind.length === 0 || Buffer.compare(found, behind) !== 0) return false;
    const sector = new Uint8Array(SECTOR_SIZE);
    sector.set(composeHeader(drawn));
    await this.#commit(drawn, sector);
    return true;
  }

  /**
   * Whole sectors that hold the header, its extensions, and the name where that has to move, in
   * place of those that are `found`.
   */
  #area(next: ImageHeader, found: Uint8Array): Uint8Array<ArrayBuffer> {
    const composed = composeHeader(next);
    const { backing } = next;
    // What is behind the end marker in the last sector stays, from the second sector on.
    const area = new Uint8Array(found);
    const { length } = area;
    area.fill(0, 0, Math.max(SECTOR_SIZE, composed.length));
    area.set(composed);
    area.set(takeoverBytes(next), SECTOR_SIZE);
    if (backing !== undefined && backing.offset < length) {
      area.set(backing.bytes.subarray(0, length - backing.offset), backing.offset);
    }
    return area;
  }

  /** Where what is written of the first cluster ends. */
  #usedEnd(next: ImageHeader): number {
    const { backing } = next;
    const nameEnd = this.#movesName(next) ? backing!.offset + backing!.bytes.length : 0;
    const takeoverEnd = SECTOR_SIZE + takeoverBytes(next).length;
    return Math.max(extensionsEnd(next), nameEnd, takeoverEnd);
  }

  /** Whether the header itself needs what lies behind sector 0. */
  #usesRest(next: ImageHeader): boolean {
    return extensionsEnd(next) > SECTOR_SIZE || this.#movesName(next);
  }

  #movesName({ backing }: ImageHeader): boolean {
    return backing !== undefined && backing.offset !== this.#header.backing?.offset;
  }

  async #commit(next: ImageHeader, bytes: Uint8Array): Promise<void> {
    await this.#file.writeSoon(bytes, 0);
    await this.#file.flush();
    this.#header = next;
  }
}
