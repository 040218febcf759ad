import { describeError } from '@tidemark/img';
import { isTidemarkError } from '@tidemark/core';
import { takeHandedSockets } from '@tidemark/program';
import { NbdFailure, PROGRAM } from './failure.ts';
import { runInBackground } from './fork.ts';
import { HELP } from './help.ts';
import type { NbdHost } from './host.ts';
import { listExports } from './list/list-exports.ts';
import { parseOptions } from './options/parse-options.ts';
import { serve } from './serve/serve.ts';

/**
 * Runs one command line of `qemu-nbd`, the program's name left out, and prints what that would.
 * Serves until a signal comes or the last client is gone. @returns the exit code
 */
export async function runNbd(words: readonly string[], host: NbdHost): Promise<number> {
  try {
    return await run(words, host);
  } catch (error) {
    return report(error, host);
  }
}

async function run(words: readonly string[], host: NbdHost): Promise<number> {
  const options = parseOptions(words, takeHandedSockets());
  switch (options.task) {
    case 'help':
      host.out(HELP);
      return 0;
    case 'version':
      host.out(`${PROGRAM} ${host.version()}\n`);
      return 0;
    case 'list':
      await listExports(options, host);
      return 0;
    default:
      if (!options.fork) {
        await serve(options, host, () => {});
        return 0;
      }
      return runInBackground(words, host, {
        handedSockets: options.handedSocket === undefined ? 0 : 1,
        serve: (child, ready) => serve(options, child, ready),
        report,
      });
  }
}

function report(error: unknown, host: NbdHost): number {
  if (error instanceof NbdFailure) {
    host.err(`${PROGRAM}: ${error.message}\n${error.after}`);
    return 1;
  }
  host.err(`${PROGRAM}: ${describeError(error)}\n`);
  if (isTidemarkError(error) && error.context.hint !== undefined) {
    host.err(`${PROGRAM}: hint: ${error.context.hint}\n`);
  }
  return 1;
}
