export { ImgFailure } from './failure.ts';
export type { ImgHost } from './host.ts';
export { describeError, systemErrorOf } from './open/describe-error.ts';
export { wordOpenError } from './open/open-image.ts';
export { type FoundOption, Getopt, type LongOption } from './text/getopt.ts';
export { runImg } from './run-img.ts';
export { type BitmapAction, changeBitmap, type ChangeBitmapOptions } from './work/change-bitmap.ts';
export { createImage, type CreateImageOptions } from './work/create-image.ts';
export { imageInfo, type ImageInfo, type ImageInfoOptions } from './work/image-info.ts';
