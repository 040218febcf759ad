export { ImgFailure } from './failure.ts';
export type { ImgHost } from './host.ts';
export { runImg } from './run-img.ts';
export { type BitmapAction, changeBitmap, type ChangeBitmapOptions } from './work/change-bitmap.ts';
export { createImage, type CreateImageOptions } from './work/create-image.ts';
export { imageInfo, type ImageInfo, type ImageInfoOptions } from './work/image-info.ts';
