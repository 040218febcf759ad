import { expectLocks } from '@tidemark/block/look-ahead';
import { type ImgCommand, runCommand } from '@tidemark/img/run';
import { runOnRecentNode } from '@tidemark/program';
import { IMG_HOST } from './img-host.ts';

/** What the file of a command of `tidemark img` gives to the one that Node starts with. */
export type ImgProgram = (
  moduleUrl: string,
  words: readonly string[],
  locks: Promise<string | undefined> | undefined,
) => Promise<void>;

/** `locks`: what was read ahead for the first look for writers. Leaves the exit code behind. */
export function imgProgram(command: ImgCommand): ImgProgram {
  return (moduleUrl, words, locks) =>
    runOnRecentNode('tidemark', moduleUrl, async () => {
      expectLocks(locks);
      process.exitCode = await runCommand(command, words, IMG_HOST);
    });
}
