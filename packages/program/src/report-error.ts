import { isTidemarkError, type TidemarkError } from '@tidemark/core';
import { printable } from './printable.ts';
import { USUAL_HINTS } from './usual-hints.ts';

export interface ErrorReportOptions {
  /** Name of the program, before the message. */
  readonly program: string;
  /** One JSON object a line instead of text. */
  readonly json?: boolean;
}

/** What a user reads on stderr when a program fails: what and where, the code, what to do next. */
export function reportError(error: unknown, { program, json = false }: ErrorReportOptions): string {
  if (!isTidemarkError(error)) {
    // A fault of ours: the stack is what a report about it needs.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return json
      ? `${JSON.stringify({ error: { code: 'INTERNAL', message: text } })}\n`
      : `${program}: internal error: ${text}\n`;
  }
  const { code, message } = error;
  const usual = USUAL_HINTS[code];
  const context = { ...(usual !== undefined && { hint: usual }), ...error.context };
  if (json) return `${JSON.stringify({ error: { code, message, context } })}\n`;
  const { where, hint } = context;
  const place = where === undefined || message.includes(where) ? '' : `${where}: `;
  const because = causeOf(error);
  const lines = [`${program}: ${place}${message}${because} (${code})`];
  if (hint !== undefined) lines.push(`${program}: hint: ${hint}`);
  return `${lines.map(printable).join('\n')}\n`;
}

function causeOf({ code, message, cause }: TidemarkError): string {
  if (!(cause instanceof Error)) return '';
  // What has a code of its own has been put into words already.
  if ('syscall' in cause && code !== 'IO_FAILED') return '';
  const reason = 'syscall' in cause ? cause.message.replace(/, \w+(?: '.*)?$/s, '') : cause.message;
  return message.includes(reason) ? '' : `: ${reason}`;
}
