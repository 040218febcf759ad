export { checkRange, isInside } from './access-guard.ts';
export type { BlockDevice, BlockExtent, WriteZeroesOptions } from './block-device.ts';
export type {
  BlockDeviceCounters,
  BlockDeviceFacts,
  DriveFacts,
  FactsOptions,
  FileBlockDevice,
  FileFacts,
  KnownByFacts,
} from './drive-facts.ts';
export type { FileStatus, FileSystem, OpenFile } from './file/file-system.ts';
export { type FileDeviceOptions, openFileDevice } from './file/open-file-device.ts';
export { ForwardingDevice } from './forwarding-device.ts';
export { ioBuffer } from './io-buffer.ts';
export { fromSystemError } from './io-error.ts';
export { isZero } from './is-zero.ts';
export { MemoryDevice, type MemoryDeviceOptions } from './memory-device.ts';
