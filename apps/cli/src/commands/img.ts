import { runImg } from '@tidemark/img';
import { connectForImg } from '@tidemark/nbd-program';
import { IMG_HOST } from '../img-host.ts';

/** Runs a command line of `qemu-img` and leaves its exit code in `process.exitCode`. */
export async function img(words: readonly string[]): Promise<void> {
  process.exitCode = await runImg(words, { ...IMG_HOST, connectNbd: connectForImg });
}
