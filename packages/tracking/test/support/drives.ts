import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { type BitmapChange, DirtyBitmap } from '@tidemark/core';
import { openTrackedDrive, type TrackedDrive, type TrackedDriveOptions } from '../../src/index.ts';
import { dirtyOf, FaultyDisk } from './faulty-disk.ts';

/** Bytes. 16 granules. */
export const SIZE = 65_536;
export const GRANULE = 4096;

export interface StoredShape {
  readonly enabled?: boolean;
  /** Offsets of dirty granules. */
  readonly dirty?: readonly number[];
}

export function created(name: string, { enabled = true, dirty = [] }: StoredShape = {}) {
  const content = new DirtyBitmap(SIZE, GRANULE);
  for (const offset of dirty) content.set(offset, 1);
  return { op: 'create', name, enabled, content } as const satisfies BitmapChange;
}

/** A disk with these bitmaps on it, at rest. */
export async function diskWith(bitmaps: Record<string, StoredShape> = {}): Promise<FaultyDisk> {
  const disk = new FaultyDisk(SIZE);
  await using store = await disk.open();
  await store.commit(Object.entries(bitmaps).map(([name, shape]) => created(name, shape)));
  return disk;
}

export interface DriveShape {
  readonly device?: BlockDevice;
  readonly label?: string;
  readonly disks?: readonly FaultyDisk[];
  readonly transient?: FaultyDisk;
  readonly writable?: boolean;
  readonly select?: NonNullable<TrackedDriveOptions['select']>;
  readonly onWarning?: (message: string) => void;
}

export async function openDrive(shape: DriveShape): Promise<TrackedDrive> {
  const { disks = [], transient, device = new MemoryDevice({ size: SIZE }), ...others } = shape;
  return openTrackedDrive({
    device,
    label: 'd0',
    writable: true,
    clusterSize: GRANULE,
    stores: await Promise.all(disks.map((disk) => disk.open())),
    ...(transient && { transient: await transient.open() }),
    ...others,
  });
}

/** Writes into one granule. */
export async function touch(drive: TrackedDrive, offset: number): Promise<void> {
  await drive.device.write(new Uint8Array([1]), offset);
}

/** Offsets of the dirty granules of a bitmap as it is now. */
export async function bitsOf(drive: TrackedDrive, name: string): Promise<readonly number[]> {
  return dirtyOf(await drive.load(name));
}
