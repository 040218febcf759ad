import { ExtensionHead, ExtensionType } from '@tidemark/qcow2/format';
import type { FoundExtension, Layout } from './layout.ts';

/** Follows the list of extensions as far as it goes. Bytes of the first cluster. */
export function findExtensions(
  cluster: Uint8Array,
  area: { readonly start: number; readonly end: number },
): Pick<Layout, 'extensions' | 'extensionsEnd' | 'brokenExtensionAt'> {
  const extensions: FoundExtension[] = [];
  let at = area.start;
  while (at + ExtensionHead.size <= area.end) {
    const { type, length } = ExtensionHead.decode(cluster, at);
    if (type === ExtensionType.end) break;
    const room = area.end - at - ExtensionHead.size;
    if (length > room) return { extensions, extensionsEnd: at, brokenExtensionAt: at };
    extensions.push({ type, at, length });
    at += extensionBytes(length);
  }
  return { extensions, extensionsEnd: at, brokenExtensionAt: undefined };
}

/** Bytes that an extension with so much data takes up: its head and padding too. */
function extensionBytes(length: number): number {
  return ExtensionHead.size + Math.ceil(length / 8) * 8;
}
