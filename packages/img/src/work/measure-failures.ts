import { ImgFailure } from '../failure.ts';

export function tooLargeToMeasure(): ImgFailure {
  return new ImgFailure('The image size is too large (try using a larger cluster size)');
}
