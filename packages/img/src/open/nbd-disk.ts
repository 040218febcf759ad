import type { BlockDevice, FileBlockDevice } from '@tidemark/block';
import { ImgFailure, notOffered } from '../failure.ts';
import type { NbdTarget } from './nbd-source.ts';

/** A run of what a server says of its blocks. Bytes. */
export interface NbdStatus {
  readonly offset: number;
  readonly length: number;
  /** Of the context that was asked for; in `base:allocation` 1 is a hole, and 2 reads as zeros. */
  readonly flags: number;
}

/** An export that a host has connected to. */
export interface NbdDisk {
  readonly device: BlockDevice;
  /** Absent: the server tells nothing of its blocks. */
  readonly status?: (offset: number, length: number) => AsyncIterable<NbdStatus>;
}

/** @param objects what `--object` says, as it stands there. @throws worded as qemu-img does */
export type NbdConnector = (target: NbdTarget, objects: readonly string[]) => Promise<NbdDisk>;

export interface Connecting {
  /** Omitted: there is no client of NBD here. */
  readonly connectNbd?: NbdConnector | undefined;
  readonly objects?: readonly string[] | undefined;
}

/** A disk of a server in the place of a file: nothing is known of it but what the server says. */
export type NbdFile = FileBlockDevice & Pick<NbdDisk, 'status'>;

/** @throws USAGE, and what the connector throws */
export async function connect(
  target: NbdTarget,
  writable: boolean,
  { connectNbd, objects = [] }: Connecting,
): Promise<NbdFile> {
  if (connectNbd === undefined) throw notOffered("Protocol 'nbd'");
  const { device, status } = await connectNbd(target, objects);
  if (writable && !device.writable) {
    await device.close();
    throw new ImgFailure('request on write denied without write permission', {
      code: 'DEVICE_READ_ONLY',
    });
  }
  const facts = async () => undefined;
  return Object.assign(device, { facts }, status && { status });
}

/** What a server says of the blocks of a disk. Undefined: nothing, or it is a file. */
export function statusOfServer(file: FileBlockDevice): NbdDisk['status'] {
  return isOfServer(file) ? file.status : undefined;
}

function isOfServer(file: FileBlockDevice): file is NbdFile {
  return 'status' in file;
}
