import { runNbd } from '@tidemark/nbd-program';
import { packageVersion } from '@tidemark/program';
import { writeNow } from '../write-now.ts';

/** Runs a command line of `qemu-nbd` and leaves its exit code in `process.exitCode`. */
export async function nbd(words: readonly string[]): Promise<void> {
  process.exitCode = await runNbd(words, {
    out: (text) => writeNow(1, text),
    err: (text) => writeNow(2, text),
    version: () => packageVersion(import.meta.url),
    restart: [process.argv[1]!, 'nbd'],
  });
}
