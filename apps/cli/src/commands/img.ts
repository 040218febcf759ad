import { runImg } from '@tidemark/img';
import { writeNow } from '../write-now.ts';

/** Runs a command line of `qemu-img` and leaves its exit code in `process.exitCode`. */
export async function img(words: readonly string[]): Promise<void> {
  process.exitCode = await runImg(words, {
    out: (text) => writeNow(1, text),
    err: (text) => writeNow(2, text),
  });
}
