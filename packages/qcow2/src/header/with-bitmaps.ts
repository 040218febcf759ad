import type { BitmapsPointer } from '../image-metadata.ts';
import { arrangeExtensions } from './compose-header.ts';
import type { Extension, ImageHeader } from './image-header.ts';
import { Autoclear, HEADER_LENGTH } from './spec.ts';

/** What of a header belongs to the bitmaps. */
export interface BitmapsPart {
  readonly pointer: BitmapsPointer | undefined;
  readonly control: Extension | undefined;
  readonly isVouchedFor: boolean;
}

/** The same header with other bitmaps. */
export function withBitmaps(header: ImageHeader, part: BitmapsPart): ImageHeader {
  const { pointer, control, isVouchedFor } = part;
  const others = header.autoclear & ~(Autoclear.bitmaps | Autoclear.control);
  return {
    ...header,
    extensions: arrangeExtensions(header, pointer, control),
    bitmaps: pointer,
    bitmapsLost: false,
    autoclear:
      others |
      (pointer === undefined ? 0n : Autoclear.bitmaps) |
      (control !== undefined && isVouchedFor ? Autoclear.control : 0n),
    headerLength: Math.max(header.headerLength, HEADER_LENGTH),
  };
}
