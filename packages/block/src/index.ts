export type { BlockDevice, BlockExtent, WriteZeroesOptions } from './block-device.ts';
