export type { BlockDevice, BlockExtent, WriteZeroesOptions } from './block-device.ts';
export { MemoryDevice, type MemoryDeviceOptions } from './memory-device.ts';
