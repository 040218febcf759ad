import { runImg } from '@tidemark/img';
import { endOnOutputError } from '../output.ts';

/** Runs a command line of `qemu-img` and leaves its exit code in `process.exitCode`. */
export async function img(words: readonly string[]): Promise<void> {
  endOnOutputError();
  process.exitCode = await runImg(words, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}
