import {
  type ApplicationErrorFormatting,
  ArgumentParseError,
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
} from '@stricli/core';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { reportError } from '@tidemark/program';
import type { Route, Routes } from './routes.ts';

type Texts = Pick<
  ApplicationErrorFormatting,
  | 'commandErrorResult'
  | 'exceptionWhileLoadingCommandFunction'
  | 'exceptionWhileParsingArguments'
  | 'exceptionWhileRunningCommand'
  | 'noCommandRegisteredForInput'
>;

/** Every failure looks alike, the parser's too: what and where, the code, what to do next. */
export function errorTexts(args: readonly string[], routes: Routes): Texts {
  const json = wantsJson(args);
  const report = (error: unknown): string =>
    reportError(error, { program: 'tidemark', json }).trimEnd();
  const usage = (message: string): TidemarkError =>
    new TidemarkError('USAGE', message, { hint: `see ${commandOf(args, routes)} --help` });
  return {
    exceptionWhileRunningCommand: report,
    exceptionWhileLoadingCommandFunction: report,
    commandErrorResult: report,
    exceptionWhileParsingArguments: (error) => {
      // Parsers of values say better what is wrong with one than a general sentence could.
      if (error instanceof ArgumentParseError && isTidemarkError(error.exception)) {
        return report(error.exception);
      }
      return report(error instanceof ArgumentScannerError ? usage(describe(error)) : error);
    },
    noCommandRegisteredForInput: ({ input, corrections }) =>
      report(usage(`there is no command '${input}'${didYouMean(corrections)}`)),
  };
}

function describe(problem: ArgumentScannerError): string {
  return formatMessageForArgumentScannerError(problem, {
    FlagNotFoundError: ({ input, corrections }) =>
      `there is no option --${input}${didYouMean(corrections.map((flag) => `--${flag}`))}`,
    AliasNotFoundError: ({ input }) => `there is no option -${input}`,
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `--${externalFlagName} cannot be '${input}': it is one of ${values.join(', ')}`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} needs a value`,
    UnexpectedFlagError: ({ externalFlagName }) => `--${externalFlagName} is given twice`,
    UnexpectedPositionalError: ({ input }) => `'${input}' is one argument too many`,
    UnsatisfiedPositionalError: ({ placeholder, limit }) =>
      limit === undefined
        ? `${placeholder} is missing`
        : `at least ${limit[0]} arguments are needed: ${placeholder}`,
  });
}

function didYouMean(corrections: readonly string[]): string {
  const meant = corrections.map((word) => `'${word.replaceAll('`', '')}'`).join(' or ');
  return meant === '' ? '' : `; did you mean ${meant}?`;
}

function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}

/** The command that was meant, as far as it can be told. */
function commandOf(args: readonly string[], routes: Routes): string {
  const words = ['tidemark'];
  let below: ReadonlyMap<string, Route> = new Map(Object.entries(routes));
  for (const word of args) {
    const route = below.get(word);
    if (route === undefined) break;
    words.push(word);
    if (!('getAllEntries' in route)) break;
    const named = route
      .getAllEntries()
      .map(({ name, target }) => [name['convert-camel-to-kebab'], target] as const);
    below = new Map(named);
  }
  return words.join(' ');
}
