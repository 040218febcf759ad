export { BitmapDirectory } from './bitmap-directory.ts';
export type { BitmapDirectoryOptions } from './directory-options.ts';
export type { BitmapRecord } from './directory-codec.ts';
