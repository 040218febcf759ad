import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { openQcow2, probeFormat } from '@tidemark/qcow2';

// Far above what people build, far below what would exhaust descriptors.
const MAX_DEPTH = 200;

interface BackingReference {
  /** As the overlay's header has it. */
  readonly name: string;
  readonly format: string | undefined;
  /** Path of the image whose backing file this is: relative names start at its folder. */
  readonly overlay: string;
  readonly onNotice?: (message: string) => void;
}

/** Opens a backing file for reading, with all that stands behind it. Nothing in it is ever written. */
export async function openBackingChain(reference: BackingReference): Promise<BlockDevice> {
  return openLayer(reference, [await realpath(reference.overlay)]);
}

async function openLayer(reference: BackingReference, above: readonly string[]): Promise<BlockDevice> {
  const { name, overlay, onNotice } = reference;
  const path = resolveBackingName(name, overlay);
  const real = await realpath(path).catch(() => path);
  if (above.includes(real) || above.length > MAX_DEPTH) {
    throw new TidemarkError('IMAGE_CORRUPT', `backing chain of '${overlay}' ends in a circle`, {
      where: path,
      hint: 'give the image another backing file with qemu-img rebase -u',
    });
  }
  const file = await openFileDevice(path, { ...(onNotice && { onNotice }) });
  try {
    const format = reference.format ?? (await probeFormat(file));
    if (format === 'raw') return file;
    if (format !== 'qcow2') throw unsupported(overlay, `backing files of format '${format}'`);
    return await openQcow2(file, {
      openBacking: (next, nextFormat) =>
        openLayer(
          { name: next, format: nextFormat, overlay: path, ...(onNotice && { onNotice }) },
          [...above, real],
        ),
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}

function resolveBackingName(name: string, overlay: string): string {
  if (name.startsWith('file:')) return resolveBackingName(name.slice('file:'.length), overlay);
  // As QEMU reads names: a colon before the first slash makes a protocol.
  if (/^[^/]*:/.test(name)) throw unsupported(overlay, `backing files by protocol ('${name}')`);
  return isAbsolute(name) ? name : join(dirname(overlay), name);
}

function unsupported(overlay: string, what: string): TidemarkError {
  return new TidemarkError('IMAGE_UNSUPPORTED', `${what} are not supported`, {
    where: overlay,
    hint: 'convert the image to one without that backing file (qemu-img convert)',
  });
}
