import type { BlockDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { assertMetadataOnly, dataFileOf, hasDataFile } from './data-file/data-file.ts';
import { unsupported } from './errors.ts';
import { SECTOR_SIZE } from './geometry.ts';
import type { ImageHeader } from './header/image-header.ts';
import { readHeader } from './header/parse-header.ts';
import { Incompatible, QCOW2_MAGIC } from './header/spec.ts';
import { ImageState } from './image-state.ts';
import { infoOf } from './info.ts';
import { BackingFile } from './io/backing-file.ts';
import { HostFile } from './io/host-file.ts';
import { Qcow2Image } from './qcow2-image.ts';

/** How `openQcow2` opens an image, and whatever belongs to it. */
export interface OpenQcow2Options {
  /** Default false: nothing is written. */
  readonly writable?: boolean;
  /**
   * Opens the backing file; `format` is what the image says of it. The image closes it. Undefined: what
   * is not in the image is zeros.
   */
  readonly openBacking?: (
    name: string,
    format: string | undefined,
  ) => Promise<BlockDevice | undefined>;
  /** Stands behind the image in place of the backing file that it names, if any. It is closed with it. */
  readonly backing?: BlockDevice;
  /** Goes without the backing file: reading what is in it fails. For work on metadata. */
  readonly skipBacking?: boolean;
  /**
   * Opens the file that the data lies in, if it is not in the image; `name` is what the image says of
   * it, which QEMU takes relative to the folder that it runs in. The image closes it.
   */
  readonly openDataFile?: (name: string | undefined) => Promise<BlockDevice>;
  /**
   * Takes an image whose data lies in a raw file without opening that: for work on metadata, since
   * nothing but that can be read or changed. Default false: refused.
   */
  readonly allowDataFile?: boolean;
  /**
   * Goes without the data file, raw or not: for a look at metadata alone, since reading what is in it
   * fails. Nothing is written then.
   */
  readonly skipDataFile?: boolean;
  /** Takes an encrypted image, too, for reading its metadata. Default false: refused. */
  readonly allowEncrypted?: boolean;
  /**
   * Takes an image whose header names no refcount table, too, for a check of it. It is for reading only.
   * Default false: refused.
   */
  readonly allowNoRefcounts?: boolean;
}

/**
 * Opens the qcow2 image that `device` holds. The image owns the device from then on; when this
 * fails, the device stays open, and nothing was written.
 * @throws IMAGE_UNRECOGNIZED, IMAGE_UNSUPPORTED, IMAGE_CORRUPT, DEVICE_READ_ONLY
 */
export async function openQcow2(
  device: BlockDevice,
  options: OpenQcow2Options = {},
): Promise<Qcow2Image> {
  const file = new HostFile(device);
  const writable = options.writable ?? false;
  const { openDataFile, skipDataFile = false } = options;
  const { allowDataFile = skipDataFile || openDataFile !== undefined } = options;
  const accepted = allowDataFile ? Incompatible.dataFile : 0n;
  const { allowEncrypted = false } = options;
  // Nothing can be allocated in it.
  const allowNoRefcounts = options.allowNoRefcounts === true && !writable;
  const header = await readHeader(file, { accepted, allowEncrypted, allowNoRefcounts });
  const isLook = skipDataFile && !writable;
  if (!isLook && (skipDataFile || openDataFile === undefined)) {
    assertMetadataOnly(device.label, header);
  }
  if (writable) assertWritable(device, header);
  const dataFile = await openData(header, skipDataFile ? undefined : openDataFile);
  try {
    const state = await ImageState.open(file, header, dataFile);
    const backing = await openBacking(device.label, header, options);
    return new Qcow2Image({ state, backing, writable });
  } catch (error) {
    await dataFile?.device.close();
    throw error;
  }
}

async function openData(
  header: ImageHeader,
  open: OpenQcow2Options['openDataFile'],
): Promise<HostFile | undefined> {
  const found = dataFileOf(header);
  if (found === undefined || open === undefined) return undefined;
  // No longer than the disk: others see its length.
  return new HostFile(await open(found.name), { growthStep: SECTOR_SIZE });
}

/** What a device holds, by its first bytes. Raw is what is nothing else. */
export async function probeFormat(device: BlockDevice): Promise<'qcow2' | 'raw'> {
  if (device.size < 4) return 'raw';
  const magic = new Uint8Array(4);
  await device.read(magic, 0);
  return new DataView(magic.buffer).getUint32(0) === QCOW2_MAGIC ? 'qcow2' : 'raw';
}

function assertWritable(device: BlockDevice, header: ImageHeader): void {
  const where = device.label;
  if (!device.writable) {
    throw new TidemarkError('DEVICE_READ_ONLY', 'the image file was opened for reading', {
      where,
      hint: 'open it for writing',
    });
  }
  const { dirty, corrupt, encryption } = infoOf(header);
  if (encryption !== 'none') {
    const decrypt = "decrypt it with 'qemu-img convert'";
    throw unsupported(where, 'an encrypted image is not written', decrypt);
  }
  const hint = "run 'qemu-img check -r all' on it first";
  if (corrupt) throw unsupported(where, 'the image is marked as corrupt', hint);
  if (hasDataFile(header) && header.snapshotCount > 0) {
    throw unsupported(where, 'internal snapshots of a data file are not written', hint);
  }
  if (dirty) throw unsupported(where, 'the image was not closed cleanly', hint);
}

async function openBacking(
  where: string,
  header: ImageHeader,
  options: OpenQcow2Options,
): Promise<BackingFile> {
  if (options.backing !== undefined) return new BackingFile(where, options.backing);
  const { backing } = infoOf(header);
  if (backing === undefined) return new BackingFile(where, 'none');
  if (options.skipBacking === true) return new BackingFile(where, 'not opened');
  if (options.openBacking === undefined) {
    throw unsupported(
      where,
      `the image needs its backing file '${backing.name}'`,
      'open it with its backing file, or without on purpose',
    );
  }
  const opened = await options.openBacking(backing.name, backing.format);
  return new BackingFile(where, opened ?? 'none');
}
