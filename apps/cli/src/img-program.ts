import { expectHeldFile, expectLocks, letGoOfHeldFile } from '@tidemark/block/look-ahead';
import type { NbdConnector } from '@tidemark/img';
import { type ImgCommand, runCommand } from '@tidemark/img/run';
import { runOnRecentNode } from '@tidemark/program';
import { IMG_HOST } from './img-host.ts';

/** What the file that Node starts with hands to that of a command. */
export interface Started {
  /** What was read ahead for the first look for writers. */
  readonly locks: Promise<string | undefined> | undefined;
  /** The descriptor of the image, where it was locked on the way here. */
  readonly held: string | undefined;
  /** Loads the rest of the program. */
  readonly rest: () => { readonly connectNbd: NbdConnector };
}

/** What the file of a command of `tidemark img` gives to the one that Node starts with. */
export type ImgProgram = (
  moduleUrl: string,
  words: readonly string[],
  started: Started,
) => Promise<void>;

/** Leaves the exit code behind. */
export function imgProgram(command: ImgCommand): ImgProgram {
  return (moduleUrl, words, { locks, held, rest }) => {
    if (held !== undefined) expectHeldFile(Number(held));
    const main = async () => {
      expectLocks(locks);
      // The client of NBD is much to load, and few images are on a server.
      const connectNbd: NbdConnector = async (...server) => rest().connectNbd(...server);
      process.exitCode = await runCommand(command, words, { ...IMG_HOST, connectNbd });
    };
    return runOnRecentNode('tidemark', moduleUrl, main, letGoOfHeldFile);
  };
}
