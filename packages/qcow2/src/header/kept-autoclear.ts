import { hasDataFile } from '../data-file/data-file.ts';
import { controlExtension } from './control-extension.ts';
import type { ImageHeader } from './image-header.ts';
import { Autoclear } from './spec.ts';

/** The autoclear bits of what we keep up to date; the others go before the first write. */
export function keptAutoclear(header: ImageHeader): bigint {
  const hasControl = controlExtension(header) !== undefined;
  const kept =
    (header.bitmaps === undefined ? 0n : Autoclear.bitmaps) |
    (hasControl ? Autoclear.control : 0n) |
    // Its clusters are never moved: who writes the data file writes the disk.
    (hasDataFile(header) ? Autoclear.rawData : 0n);
  return header.autoclear & kept;
}
