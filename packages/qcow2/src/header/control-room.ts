import { CONTROL_EXTENSION, controlSize, MAX_TOKENS } from '../control/spec.ts';
import { SECTOR_SIZE } from '../geometry.ts';
import type { BitmapsPointer } from '../image-metadata.ts';
import { extensionsEnd } from './compose-header.ts';
import { extensionSize } from './extensions.ts';
import type { Extension, ImageHeader } from './image-header.ts';
import { ExtensionType } from './spec.ts';

/**
 * Bytes that are left for the name and the format of a backing file where the first cluster is one
 * sector: in one that is full, QEMU loses the bitmaps when it is told of another backing file.
 */
const BACKING_ROOM = 128;

/** To find out what there is room for. */
export const SOME_BITMAPS: BitmapsPointer = {
  bitmapCount: 1,
  directoryOffset: 0,
  directorySize: 0,
};

export function emptyControl(slots: number): Extension {
  return { type: CONTROL_EXTENSION, data: new Uint8Array(controlSize(slots)) };
}

/**
 * How many tokens a control extension has room for; undefined: there is no room for one. It depends
 * on nothing but the other extensions and the backing file, so that nothing has to move when tokens
 * come and go. `place` gives the header with so many slots, if there is room for it.
 */
export function findSlots(
  header: ImageHeader,
  place: (slots: number) => ImageHeader | undefined,
): number | undefined {
  let most: number | undefined;
  for (let slots = MAX_TOKENS; slots >= 0; slots--) {
    const next = place(slots);
    if (next === undefined || !leavesRoom(next, header)) continue;
    // Behind sector 0 is the place of what QEMU would write there; only long extensions have to go
    // to it, and then tokens are no reason for it.
    if (extensionsEnd(next) <= SECTOR_SIZE) return slots;
    most ??= slots;
  }
  return most;
}

function leavesRoom(next: ImageHeader, { backing, extensions }: ImageHeader): boolean {
  const size = 2 ** next.clusterBits;
  if (size > SECTOR_SIZE) return true;
  const format = extensions.find(({ type }) => type === ExtensionType.backingFormat);
  const used = (backing?.bytes.length ?? 0) + (format === undefined ? 0 : extensionSize(format));
  const nameEnd = next.backing === undefined ? 0 : next.backing.offset + next.backing.bytes.length;
  const end = Math.max(extensionsEnd(next), nameEnd);
  return end + Math.max(0, BACKING_ROOM - used) <= size;
}
