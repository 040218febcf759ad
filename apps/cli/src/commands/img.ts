import { runImg } from '@tidemark/img';
import { connectForImg } from '@tidemark/nbd-program';
import { packageVersion } from '@tidemark/program';
import { IMG_HOST } from '../img-host.ts';

/** Runs a command line of `qemu-img` and leaves its exit code in `process.exitCode`. */
export async function img(words: readonly string[]): Promise<void> {
  const version = packageVersion(import.meta.url);
  process.exitCode = await runImg(words, { ...IMG_HOST, version, connectNbd: connectForImg });
}
