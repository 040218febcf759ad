import { TidemarkError } from '@tidemark/core';
import { roundUp, SECTOR_SIZE } from '../geometry.ts';
import {
  BITMAPS_EXTENSION_SIZE,
  backingNameOffset,
  composeHeader,
  extensionsEnd,
  staticExtensions,
} from './compose-header.ts';
import type { Extension, ImageHeader } from './image-header.ts';
import { ExtensionHead, ExtensionType } from './spec.ts';

const nameEnd = ({ backing }: ImageHeader) =>
  backing === undefined ? 0 : backing.offset + backing.bytes.length;

/**
 * The header with its backing file's name out of the extensions' way, if it is in their way.
 * @throws NO_SPACE
 */
export function withRoom(header: ImageHeader, where: string): ImageHeader {
  const { backing } = header;
  const isInTheWay = backing !== undefined && backing.offset < extensionsEnd(header);
  const moved = isInTheWay
    ? { ...header, backing: { ...backing, offset: backingNameOffset(header) } }
    : header;
  // The extension, and the head of what follows it, have to share sector 0 with the autoclear bit.
  const first = header.headerLength + BITMAPS_EXTENSION_SIZE + ExtensionHead.size;
  if (first > SECTOR_SIZE) throw noRoom(where);
  if (Math.max(extensionsEnd(moved), nameEnd(moved)) > 2 ** header.clusterBits) throw noRoom(where);
  return moved;
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
 * every program drops when it writes a header.
 * @throws NO_SPACE
 */
export function moveBehind(header: ImageHeader, end: number, where: string): MovedHeader {
  const from = roundUp(Math.max(end, extensionsEnd(header), nameEnd(header)), SECTOR_SIZE);
  const bitmaps = header.bitmaps === undefined ? [] : header.extensions.filter(isBitmaps);
  const before = extensionsEnd({ ...header, extensions: bitmaps });
  const gap = { type: ExtensionType.featureNames, data: new Uint8Array(from - before) };
  const extensions = [...bitmaps, gap, ...staticExtensions(header)];
  const offset = extensionsEnd({ ...header, extensions });
  const backing = header.backing && { ...header.backing, offset };
  const moved = { ...header, extensions, backing };
  const bytes = new Uint8Array(Math.max(offset, nameEnd(moved)));
  if (bytes.length > 2 ** header.clusterBits) throw noRoom(where);
  bytes.set(composeHeader(moved));
  if (backing !== undefined) bytes.set(backing.bytes, offset);
  return { header: moved, bytes, from };
}

const isBitmaps = ({ type }: Extension) => type === ExtensionType.bitmaps;

function noRoom(where: string): TidemarkError {
  return new TidemarkError('NO_SPACE', 'the header has no room for a bitmaps extension', {
    where,
    hint: 'use an image with larger clusters or a shorter backing file name',
  });
}
