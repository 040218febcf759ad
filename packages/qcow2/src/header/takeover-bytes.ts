import { SECTOR_SIZE } from '../geometry.ts';
import {
  bitmapsExtension,
  extensionsEnd,
  FEATURE_NAMES_ABOVE,
  FEATURE_NAMES_SIZE,
  keptExtensions,
} from './compose-header.ts';
import { controlExtension } from './control-extension.ts';
import { writeExtensions } from './extensions.ts';
import type { Extension, ImageHeader } from './image-header.ts';
import { ExtensionHead, ExtensionType } from './spec.ts';

/** QEMU puts these first, in this order; what it does not know comes last, in reverse. */
const KNOWN_TO_QEMU: readonly number[] = [
  ExtensionType.backingFormat,
  ExtensionType.dataFile,
  ExtensionType.encryption,
];

/**
 * What QEMU puts behind sector 0 when it writes this header anew, as it does when it takes over an
 * image with a control extension. A power cut can leave its sector 0 and what we have behind ours:
 * so this has to lie there from the start, or such an image would not open, or lose its bitmaps.
 * Empty where it needs no more than sector 0, or where our own extensions need the place.
 */
export function takeoverBytes(header: ImageHeader): Uint8Array {
  const { bitmaps, clusterBits, headerLength } = header;
  const clusterSize = 2 ** clusterBits;
  const isOurs = bitmaps !== undefined && controlExtension(header) !== undefined;
  if (!isOurs || extensionsEnd(header) > SECTOR_SIZE) return new Uint8Array(0);
  const kept = keptExtensions(header);
  const known = KNOWN_TO_QEMU.flatMap((type) => kept.filter((each) => each.type === type));
  const unknown = kept.filter(({ type }) => !KNOWN_TO_QEMU.includes(type)).toReversed();
  const names = clusterSize > FEATURE_NAMES_ABOVE ? [FEATURE_NAMES] : [];
  const extensions = [...known, ...names, bitmapsExtension(bitmaps), ...unknown];
  const end = extensionsEnd({ ...header, extensions });
  if (end <= SECTOR_SIZE || end > clusterSize) return new Uint8Array(0);
  const bytes = new Uint8Array(end);
  writeExtensions(bytes, headerLength, extensions);
  return bytes.subarray(SECTOR_SIZE);
}

/** What of it lies behind sector 0, if any, are the zeros behind its last name. */
const FEATURE_NAMES: Extension = {
  type: ExtensionType.featureNames,
  data: new Uint8Array(FEATURE_NAMES_SIZE - ExtensionHead.size),
};
