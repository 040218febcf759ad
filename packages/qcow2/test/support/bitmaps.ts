import { type DirectoryEntry, DirtyBitmap } from '@tidemark/core';
import {
  BitmapDirectory,
  type CreateQcow2Options,
  openQcow2,
  type Qcow2Image,
} from '../../src/index.ts';
import { newImage } from './images.ts';
import { TestDevice } from './test-device.ts';

export interface OpenedBitmaps {
  readonly device: TestDevice;
  readonly image: Qcow2Image;
  readonly directory: BitmapDirectory;
  readonly notices: string[];
}

export async function newBitmaps(options: CreateQcow2Options): Promise<OpenedBitmaps> {
  const { device, image } = await newImage(options);
  const notices: string[] = [];
  const directory = await BitmapDirectory.open({
    image: image.metadata,
    onNotice: (message) => notices.push(message),
  });
  return { device, image, directory, notices };
}

/** Opens the bytes of an image anew, as another process would. */
export async function openBitmaps(
  bytes: Uint8Array,
  { writable = true }: { writable?: boolean } = {},
): Promise<OpenedBitmaps> {
  const device = new TestDevice({ bytes, writable });
  const image = await openQcow2(device, { writable, skipBacking: true });
  const notices: string[] = [];
  const directory = await BitmapDirectory.open({
    image: image.metadata,
    onNotice: (message) => notices.push(message),
  });
  return { device, image, directory, notices };
}

export interface NewBitmap {
  readonly granularity?: number;
  /** Byte ranges: offset, length. */
  readonly dirty?: readonly (readonly [number, number])[];
}

export function bitmapOf(diskSize: number, { granularity = 65_536, dirty = [] }: NewBitmap = {}) {
  const content = new DirtyBitmap(diskSize, granularity);
  for (const [offset, length] of dirty) content.set(offset, length);
  return content;
}

type WithDirectory = Pick<OpenedBitmaps, 'directory'>;
type Flags = Partial<Pick<DirectoryEntry, 'enabled' | 'inUse'>>;

/** Adds a bitmap, or writes one anew. */
export async function put(
  { directory }: WithDirectory,
  name: string,
  content: DirtyBitmap,
  flags: Flags = {},
): Promise<void> {
  const others = directory.records.filter((record) => record.name !== name);
  const { granularity } = content;
  const entry = { name, granularity, enabled: true, inUse: false, ...flags };
  await directory.replace([...others, entry], new Map([[name, content]]));
}

export async function remove({ directory }: WithDirectory, name: string): Promise<void> {
  const entries = directory.records.filter((record) => record.name !== name);
  await directory.replace(entries, new Map());
}

/** Marks a bitmap in use, as somebody who is going to change it does. */
export async function setInUse({ directory }: WithDirectory, name: string): Promise<void> {
  const entries = directory.records.map((record) =>
    record.name === name ? { ...record, inUse: true } : record,
  );
  await directory.replace(entries, new Map());
}
