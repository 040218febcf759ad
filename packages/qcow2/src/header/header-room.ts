import { TidemarkError } from '@tidemark/core';
import { roundUp, SECTOR_SIZE } from '../geometry.ts';
import {
  BITMAPS_EXTENSION_SIZE,
  backingNameOffset,
  composeHeader,
  extensionsEnd,
  keptExtensions,
} from './compose-header.ts';
import { controlExtension } from './control-extension.ts';
import { extensionSize } from './extensions.ts';
import type { Extension, ImageHeader } from './image-header.ts';
import { ExtensionHead, ExtensionType } from './spec.ts';

const nameEnd = ({ backing }: ImageHeader) =>
  backing === undefined ? 0 : backing.offset + backing.bytes.length;

/**
 * The header with its backing file's name out of the extensions' way, if it is in their way, and
 * where QEMU would put it, if there is a control extension. Undefined: there is no room.
 */
export function withRoom(header: ImageHeader): ImageHeader | undefined {
  const { backing } = header;
  const control = controlExtension(header);
  const place = backingNameOffset(header);
  const isMisplaced =
    backing !== undefined &&
    (backing.offset < extensionsEnd(header) || (control !== undefined && backing.offset !== place));
  const moved = isMisplaced ? { ...header, backing: { ...backing, offset: place } } : header;
  // The extensions, and the head of what follows, have to share sector 0 with the autoclear bits.
  const controlSize = control === undefined ? 0 : extensionSize(control);
  const first = header.headerLength + BITMAPS_EXTENSION_SIZE + controlSize + ExtensionHead.size;
  if (first > SECTOR_SIZE) return undefined;
  const end = Math.max(extensionsEnd(moved), nameEnd(moved));
  return end > 2 ** header.clusterBits ? undefined : moved;
}

/** Whether extensions or the backing file's name lie in these bytes. */
export function isInUse(header: ImageHeader, from: number, end: number): boolean {
  const { backing } = header;
  return (
    extensionsEnd(header) > from ||
    (backing !== undefined && backing.offset < end && from < nameEnd(header))
  );
}

export interface MovedHeader {
  readonly header: ImageHeader;
  /** The first cluster up to the end of what is in use. */
  readonly bytes: Uint8Array;
  /** Where the new place begins: from here on nothing was in use. */
  readonly from: number;
}

/**
 * The same header with what it has behind sector 0 at a new place, behind `end` and behind all that
 * is in use. The bitmaps extension stays first; the gap is a table of feature names, which is what
 * every program drops when it writes a header. Undefined: there is no room.
 */
export function moveBehind(header: ImageHeader, end: number): MovedHeader | undefined {
  const from = roundUp(Math.max(end, extensionsEnd(header), nameEnd(header)), SECTOR_SIZE);
  const bitmaps = header.bitmaps === undefined ? [] : header.extensions.filter(isBitmaps);
  const before = extensionsEnd({ ...header, extensions: bitmaps });
  const gap = { type: ExtensionType.featureNames, data: new Uint8Array(from - before) };
  const extensions = [...bitmaps, gap, ...keptExtensions(header)];
  const offset = extensionsEnd({ ...header, extensions });
  const backing = header.backing && { ...header.backing, offset };
  const moved = { ...header, extensions, backing };
  const length = Math.max(offset, nameEnd(moved));
  if (length > 2 ** header.clusterBits) return undefined;
  const bytes = new Uint8Array(length);
  bytes.set(composeHeader(moved));
  if (backing !== undefined) bytes.set(backing.bytes, offset);
  return { header: moved, bytes, from };
}

const isBitmaps = ({ type }: Extension) => type === ExtensionType.bitmaps;

export function noRoom(where: string): TidemarkError {
  return new TidemarkError('NO_SPACE', 'the header has no room for a bitmaps extension', {
    where,
    hint: 'use an image with larger clusters or a shorter backing file name',
  });
}
