import { isTidemarkError } from '@tidemark/core';
import { HelpWanted } from './commands/read-arguments.ts';
import { hintLine, ImgFailure, PROGRAM } from './failure.ts';
import { HELP } from './help.ts';
import type { ImgHost } from './host.ts';
import { describeError } from './open/describe-error.ts';

/** `words`: the command line from the name of the command on. Gives the exit code. */
export type ImgCommand = (words: readonly string[], host: ImgHost) => Promise<number>;

/** Prints also why it failed, as qemu-img does. @returns the exit code */
export async function runCommand(
  command: ImgCommand,
  words: readonly string[],
  host: ImgHost,
): Promise<number> {
  try {
    return await command(words, host);
  } catch (error) {
    if (error instanceof HelpWanted) {
      host.out(HELP);
      return 0;
    }
    return report(error, host);
  }
}

function report(error: unknown, host: ImgHost): number {
  if (error instanceof ImgFailure) {
    host.err(`${PROGRAM}: ${error.message}\n${error.after}`);
    return error.exitCode;
  }
  host.err(`${PROGRAM}: ${describeError(error)}\n`);
  if (isTidemarkError(error) && error.context.hint !== undefined) {
    host.err(hintLine(error.context.hint));
  }
  return 1;
}
