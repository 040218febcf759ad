import { join } from 'node:path';
import {
  type BlockDevice,
  type FileDeviceOptions,
  type FileSystem,
  MemoryDevice,
  openFileDevice,
} from '@tidemark/block';
import { FaultDevice, RecordingDevice } from '@tidemark/block/testing';
import { memfs } from 'memfs';

interface OpenOptions {
  readonly size: number;
}

/** A kind of device that the contract is run on. */
export interface DeviceKind {
  readonly name: string;
  /** A new, writable device of zeros. */
  create(options: OpenOptions): Promise<BlockDevice>;
  /** One that cannot be written. */
  createReadOnly(options: OpenOptions): Promise<BlockDevice>;
}

/** memfs as the small part of node:fs/promises that devices need. */
export function memoryFileSystem(): FileSystem {
  return memfs().fs.promises;
}

const memory: DeviceKind = {
  name: 'memory',
  create: async ({ size }) => new MemoryDevice({ size }),
  createReadOnly: async ({ size }) => new MemoryDevice({ size, writable: false }),
};

function ofFiles(name: string, options: () => FileDeviceOptions, folder: string): DeviceKind {
  let count = 0;
  const create = async ({ size }: OpenOptions, system = options()) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}-${count++}.raw`);
    const device = await openFileDevice(path, {
      writable: true,
      create: 'exclusive',
      size,
      ...system,
    });
    return { device, path, system };
  };
  return {
    name,
    create: async (wanted) => (await create(wanted)).device,
    createReadOnly: async (wanted) => {
      const { device, path, system } = await create(wanted);
      await device.close();
      return openFileDevice(path, system);
    },
  };
}

function wrapped(name: string, wrap: (inner: BlockDevice) => BlockDevice): DeviceKind {
  return {
    name,
    create: async (options) => wrap(await memory.create(options)),
    createReadOnly: async (options) => wrap(await memory.createReadOnly(options)),
  };
}

/** Every kind, with its files in `folder`. */
export function deviceKinds(folder: string): readonly DeviceKind[] {
  return [
    memory,
    ofFiles('file of node:fs', () => ({}), folder),
    ofFiles('file that waits', () => ({ waits: true }), folder),
    ofFiles('file of memfs', () => ({ fs: memoryFileSystem() }), '/'),
    wrapped('fault wrapper without faults', (inner) => new FaultDevice(inner)),
    wrapped('recorder', (inner) => new RecordingDevice(inner)),
  ];
}
