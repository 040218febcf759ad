export {
  BitmapDirectory,
  type BitmapDirectoryOptions,
  type BitmapRecord,
} from './bitmaps/index.ts';
export {
  boundTo,
  type Control,
  type DirectorySeal,
  type FoundControl,
  MAX_LIVE_ENTRIES,
  type NewDirectory,
} from './control/control.ts';
export type { DataMap } from './data-file/data-map.ts';
export { createQcow2, type CreateQcow2Options } from './create-qcow2.ts';
export type { BitmapsPointer, ImageMetadata } from './image-metadata.ts';
export type { Qcow2Info } from './info.ts';
export type { Snapshot } from './header/snapshot-table.ts';
export type { LayerExtent } from './io/layer-extents.ts';
export { openQcow2, type OpenQcow2Options, probeFormat } from './open-qcow2.ts';
export { planSize, type PlannedBitmap, type PlannedImage } from './plan-size.ts';
export { NewImage, type NewImageOptions } from './sequential/new-image.ts';
export { Qcow2Image } from './qcow2-image.ts';
