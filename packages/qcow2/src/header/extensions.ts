import { corrupt } from '../errors.ts';
import { roundUp } from '../geometry.ts';
import type { Extension } from './image-header.ts';
import { ExtensionHead, ExtensionType } from './spec.ts';

/** Where extensions begin and end in the first cluster. */
export interface ExtensionArea {
  readonly where: string;
  readonly start: number;
  readonly end: number;
}

/** qcow2.rst, "Header extensions": up to the end marker or the end of the area. */
export function parseExtensions(cluster: Uint8Array, area: ExtensionArea): Extension[] {
  const found: Extension[] = [];
  let at = area.start;
  while (at + ExtensionHead.size <= area.end) {
    const { type, length } = ExtensionHead.decode(cluster, at);
    if (type === ExtensionType.end) break;
    const start = at + ExtensionHead.size;
    if (length > area.end - start) {
      throw corrupt({
        where: area.where,
        struct: 'header extension',
        field: 'length',
        offset: at + ExtensionHead.offsetOf.length,
        problem: `is ${length}, but only ${area.end - start} bytes are left for extensions`,
      });
    }
    found.push({ type, data: cluster.slice(start, start + length) });
    at = start + roundUp(length, 8);
  }
  return found;
}

/** Bytes that an extension takes up, head and padding included. */
export function extensionSize(extension: Extension): number {
  return ExtensionHead.size + roundUp(extension.data.length, 8);
}

/** Writes extensions and the end marker, one behind the other. @returns where they end */
export function writeExtensions(
  target: Uint8Array,
  start: number,
  extensions: readonly Extension[],
): number {
  let at = start;
  for (const extension of extensions) {
    const { type, data } = extension;
    target.set(ExtensionHead.encode({ type, length: data.length }), at);
    target.set(data, at + ExtensionHead.size);
    at += extensionSize(extension);
  }
  target.set(ExtensionHead.encode({ type: ExtensionType.end, length: 0 }), at);
  return at + ExtensionHead.size;
}
