export { BitmapDirectory, type BitmapDirectoryOptions } from './bitmap-directory.ts';
export type { BitmapRecord } from './directory-codec.ts';
