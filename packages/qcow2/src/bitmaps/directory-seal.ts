import type { DirectorySeal } from '../control/control.ts';
import type { BitmapsPointer } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import { crc32 } from '../control/crc32.ts';

/** What tells a directory from every other one: where it lies, and its bytes. */
export function sealOf(
  records: readonly BitmapRecord[],
  pointer: BitmapsPointer | undefined,
): DirectorySeal {
  if (pointer === undefined) return { offset: 0, crc: 0 };
  const crc = records.reduce((sum, { bytes }) => crc32(bytes, sum), 0);
  return { offset: pointer.directoryOffset, crc };
}
