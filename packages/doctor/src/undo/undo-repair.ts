import { crc32 } from 'node:zlib';
import type { BlockDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { SECTOR } from '../repair/draft.ts';
import { Overlay } from '../repair/overlay.ts';
import { metadataDigest } from './metadata-digest.ts';
import { readUndo, type Undo, type UndoneSector } from './read-undo.ts';

/** What `undoRepair` put back: sectors of 512 bytes. */
export interface UndoneRepair {
  readonly sectors: number;
  /** Bytes of the image file now. */
  readonly size: number;
}

/**
 * Takes a repair back, also one that was cut off, and also when this was. First it is proven that
 * the image is the one, and that nobody has changed its metadata since: each sector has to be as it
 * was before the repair or as the repair made it, and the result has to be what was there before.
 * @throws UNDO_INVALID: the file is damaged, is of another image, or the image has changed
 */
export async function undoRepair(image: BlockDevice, file: BlockDevice): Promise<UndoneRepair> {
  const undo = await readUndo(file);
  await proveUnchanged(image, undo);
  await proveSame(image, undo);
  const phases = Map.groupBy(undo.sectors, ({ phase }) => phase);
  for (const phase of [...phases.keys()].sort((a, b) => b - a)) {
    for (const { offset, old } of phases.get(phase)!) {
      if (old === undefined) continue;
      // The last sector of the file may have been a part of one.
      await image.write(old.subarray(0, Math.min(SECTOR, undo.sizeBefore - offset)), offset);
    }
    await image.flush();
  }
  if (image.size !== undo.sizeBefore) {
    await image.resize(undo.sizeBefore);
    await image.flush();
  }
  return { sectors: undo.sectors.length, size: image.size };
}

async function proveUnchanged(image: BlockDevice, undo: Undo): Promise<void> {
  if (image.size !== undo.sizeBefore && image.size !== undo.sizeAfter) {
    throw changed(image, `its file has ${image.size} bytes`);
  }
  const buffer = new Uint8Array(SECTOR);
  for (const sector of undo.sectors) {
    const there = Math.max(0, Math.min(SECTOR, image.size - sector.offset));
    buffer.fill(0);
    if (there > 0) await image.read(buffer.subarray(0, there), sector.offset);
    if (!isKnown(buffer, sector))
      throw changed(image, `the sector at byte ${sector.offset} differs`);
  }
}

/** A new sector that was not written yet is zeros. */
function isKnown(content: Uint8Array, { old, states }: UndoneSector): boolean {
  const before = old ?? new Uint8Array(SECTOR);
  return Buffer.compare(content, before) === 0 || states.includes(crc32(content));
}

/** The image as it would be has to be the one of before, also where nothing was repaired. */
async function proveSame(image: BlockDevice, undo: Undo): Promise<void> {
  const sectors = new Map<number, Uint8Array>();
  for (const { offset, old } of undo.sectors) if (old !== undefined) sectors.set(offset, old);
  const size = Math.min(image.size, undo.sizeBefore);
  const digest = await metadataDigest(new Overlay(image, size, sectors), undo.sizeBefore);
  if (Buffer.compare(digest, undo.digest) !== 0) throw changed(image, 'other metadata differs');
}

function changed({ label }: BlockDevice, why: string): TidemarkError {
  return new TidemarkError(
    'UNDO_INVALID',
    `the repair cannot be taken back: the image is another, or was changed since (${why})`,
    { where: label, hint: 'name the image that was repaired; once it is in use again, it stays' },
  );
}
