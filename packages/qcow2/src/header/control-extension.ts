import { decodeControl } from '../control/codec.ts';
import type { FoundControl } from '../control/control.ts';
import { CONTROL_EXTENSION } from '../control/spec.ts';
import type { Extension, ImageHeader } from './image-header.ts';
import { Autoclear } from './spec.ts';

export function controlExtension(header: ImageHeader): Extension | undefined {
  return header.extensions.find(({ type }) => type === CONTROL_EXTENSION);
}

/** A header is never changed, and is asked several times in each change of bitmaps. */
const known = new WeakMap<ImageHeader, FoundControl | 'none'>();

/** The control extension of a header, if it has one. */
export function findControl(header: ImageHeader): FoundControl | undefined {
  let control = known.get(header);
  if (control === undefined) {
    control = readControl(header) ?? 'none';
    known.set(header, control);
  }
  return control === 'none' ? undefined : control;
}

function readControl(header: ImageHeader): FoundControl | undefined {
  const found = header.extensions.filter(({ type }) => type === CONTROL_EXTENSION);
  if (found[0] === undefined) return undefined;
  if (found.length > 1) return { problem: 'is there twice' };
  const decoded = decodeControl(found[0].data);
  if ('problem' in decoded) return decoded;
  return { ...decoded, isVouchedFor: (header.autoclear & Autoclear.control) !== 0n };
}
