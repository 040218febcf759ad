import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { openDataFile } from './data-file.ts';
import { probeDrive } from './probe.ts';

// Far above what people build, far below what would exhaust descriptors.
const MAX_DEPTH = 200;

interface BackingReference {
  /** As the overlay's header has it. Relative: to the folder of the overlay. */
  readonly name: string;
  readonly format: string | undefined;
  /** Path of the image whose backing file this is. */
  readonly overlay: string;
  readonly onNotice?: (message: string) => void;
}

/**
 * Opens a backing file for reading, with all that stands behind it. Nothing in it is ever written.
 * @throws FILE_NOT_FOUND, LOCKED, IMAGE_CORRUPT (a circle), IMAGE_UNSUPPORTED, as `openDrive`
 */
export async function openBackingChain(reference: BackingReference): Promise<BlockDevice> {
  return openLayer(reference, [await identify(reference.overlay)]);
}

async function openLayer(
  reference: BackingReference,
  above: readonly string[],
): Promise<BlockDevice> {
  const { name, overlay, onNotice } = reference;
  const path = resolveBackingName(name, overlay);
  const real = await identify(path);
  if (above.includes(real)) {
    throw new TidemarkError('IMAGE_CORRUPT', `the backing chain of '${overlay}' is a circle`, {
      where: path,
      hint: 'give the image another backing file (qemu-img rebase -u)',
    });
  }
  if (above.length >= MAX_DEPTH) throw unsupported(overlay, `chains of over ${MAX_DEPTH} images`);
  const file = await openBackingFile(path, reference);
  try {
    const format = reference.format ?? (await probeDrive(file, path));
    if (format === 'raw') return file;
    if (format !== 'qcow2') throw unsupported(overlay, `backing files of format '${format}'`);
    return await openQcow2(file, {
      openBacking: (next, nextFormat) =>
        openLayer(
          { name: next, format: nextFormat, overlay: path, ...(onNotice && { onNotice }) },
          [...above, real],
        ),
      openDataFile: (dataFile) =>
        openDataFile(dataFile, { image: path, ...(onNotice && { onNotice }) }),
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Says whose backing file it is: nobody typed its name. */
async function openBackingFile(
  path: string,
  { overlay, onNotice }: BackingReference,
): Promise<BlockDevice> {
  try {
    return await openFileDevice(path, { ...(onNotice && { onNotice }) });
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    const message = `the backing file of '${overlay}' cannot be opened: ${error.message}`;
    const lost = 'put it back, or give the image another one (qemu-img rebase -u)';
    const hint = error.code === 'FILE_NOT_FOUND' ? lost : error.context.hint;
    throw new TidemarkError(error.code, message, { where: path, ...(hint && { hint }) }, error);
  }
}

async function identify(path: string): Promise<string> {
  // What cannot be resolved cannot be opened either, and says so then.
  return realpath(path).catch(() => path);
}

/**
 * The path of the backing file that an image names. As QEMU does: a colon before the first slash makes
 * a protocol, and one of them is file. @throws IMAGE_UNSUPPORTED: another protocol
 */
export function resolveBackingName(name: string, overlay: string): string {
  // Not beside the overlay: QEMU takes what follows `file:` for a path of its own.
  if (name.startsWith('file:')) return resolve(name.slice('file:'.length));
  if (/^[^/]*:/.test(name)) throw unsupported(overlay, `backing files by protocol ('${name}')`);
  return isAbsolute(name) ? name : join(dirname(overlay), name);
}

function unsupported(overlay: string, what: string): TidemarkError {
  return new TidemarkError('IMAGE_UNSUPPORTED', `${what} are not supported`, {
    where: overlay,
    hint: 'convert the image to one without that backing file (qemu-img convert)',
  });
}
