import { resolve } from 'node:path';
import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { Qcow2Image } from '@tidemark/qcow2';

export interface DataFileOptions {
  /** Path of the image whose data lies there. */
  readonly image: string;
  readonly writable?: boolean;
  readonly lock?: boolean | 'look';
  readonly onNotice?: (message: string) => void;
}

/**
 * Opens the file that an image's data lies in, by the name that the image has for it: a path that is
 * relative to the working directory, as QEMU has it. @throws IMAGE_UNSUPPORTED, as `openFileDevice`
 */
export async function openDataFile(
  name: string | undefined,
  { image, ...options }: DataFileOptions,
): Promise<BlockDevice> {
  const path = resolve(pathOf(name, image));
  try {
    return await openFileDevice(path, options);
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    const message = `the data file of '${image}' cannot be opened: ${error.message}`;
    throw new TidemarkError(error.code, message, { ...error.context, where: path }, error);
  }
}

function pathOf(name: string | undefined, image: string): string {
  if (name === undefined || name === '') {
    throw refusal(image, 'the image does not say where its data file is');
  }
  if (name.startsWith('file:')) return name.slice('file:'.length);
  if (!/^[^/]*:/.test(name)) return name;
  throw refusal(image, `data files by protocol ('${name}') are not supported`);
}

/** @throws IMAGE_UNSUPPORTED for a sidecar: who wrote it would bypass what it knows of its drive */
export function refuseSidecar(path: string, image: Qcow2Image): void {
  const { control } = image.metadata;
  const isSidecar =
    control !== undefined && 'control' in control && control.control.kind === 'sidecar';
  if (image.info.dataFile === undefined || !isSidecar) return;
  throw new TidemarkError('IMAGE_UNSUPPORTED', `'${path}' is the sidecar of another drive`, {
    where: path,
    hint: `name the drive, '${image.info.dataFile.name}', instead`,
  });
}

function refusal(where: string, problem: string): TidemarkError {
  const hint = 'give it a name that is a path (qemu-img amend -o data_file=PATH)';
  return new TidemarkError('IMAGE_UNSUPPORTED', problem, { where, hint });
}
