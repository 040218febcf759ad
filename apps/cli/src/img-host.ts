import type { ImgHost } from '@tidemark/img';
import { writeNow } from './write-now.ts';

/** Where `tidemark img` prints. */
export const IMG_HOST: ImgHost = {
  out: (text) => writeNow(1, text),
  err: (text) => writeNow(2, text),
};
