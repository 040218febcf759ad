import type { ImgHost } from '@tidemark/img';
import { writeNow } from './write-now.ts';

/** Where `tidemark img` prints. */
export const IMG_HOST: ImgHost = {
  out: (text) => writeOrEnd(1, text),
  err: (text) => writeOrEnd(2, text),
};

function writeOrEnd(fd: 1 | 2, text: string): void {
  try {
    writeNow(fd, text);
  } catch (error) {
    // Standard error may be what cannot be written.
    if (fd === 1) writeOrEnd(2, `tidemark: standard output: ${String(error)}\n`);
    process.exit(1);
  }
}
