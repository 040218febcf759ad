import { expectLocks } from '@tidemark/block/look-ahead';
import type { NbdConnector } from '@tidemark/img';
import { packageVersion, runOnRecentNode } from '@tidemark/program';
import { writeNow } from './write-now.ts';

/** For the programs of `tidemark img`, which have no client of NBD. */
export const connectNbd: NbdConnector = async (target, objects) => {
  const { connectForImg } = await import('@tidemark/nbd-program');
  return connectForImg(target, objects);
};

/**
 * Runs a command line. `moduleUrl`: what Node was started with; `locks`: what was read ahead for the
 * first look for writers.
 */
export function start(
  moduleUrl: string,
  words: readonly string[],
  locks: Promise<string | undefined> | undefined,
): Promise<void> {
  return runOnRecentNode('tidemark', moduleUrl, async () => {
    expectLocks(locks);
    const [command, ...others] = words;
    // A disk that has to be waited for is kept busy by many reads; read when the first thread is needed.
    if (command === 'backup') process.env['UV_THREADPOOL_SIZE'] ??= '16';
    // Started for each small step of somebody's script: the rest of the program is not loaded.
    if (command === 'img') {
      const { img } = await import('./commands/img.ts');
      return img(others);
    }
    if (command === 'nbd') {
      const { nbd } = await import('./commands/nbd.ts');
      return nbd(others);
    }
    if (command === '--version' && others.length === 0) {
      return writeNow(1, `${packageVersion(import.meta.url)}\n`);
    }
    const { runCli } = await import('./cli.ts');
    return runCli(words);
  });
}
