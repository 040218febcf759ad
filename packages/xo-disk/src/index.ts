export { changesOf, type ChangesOfOptions } from './changes-of.ts';
export { TidemarkDisk } from './tidemark-disk.ts';
export type { DiskDevice, TidemarkDiskOptions } from './tidemark-disk-options.ts';
