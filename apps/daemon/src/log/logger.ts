import { printable } from '@tidemark/program';
import { pino, stdTimeFunctions } from 'pino';
import * as v from 'valibot';

type LogLevel = 'error' | 'warn' | 'info' | 'debug';

interface LogOptions {
  readonly level?: LogLevel | undefined;
  readonly format?: 'plain' | 'json' | undefined;
}

/** What a line is about, for programs: `{ client: 3 }`. */
type LogFields = Readonly<Record<string, string | number>>;

/** Tells people and programs what happens. */
export interface Logger {
  /** A message that begins with `warning: ` or `error: ` is one. */
  readonly log: (message: string, fields?: LogFields) => void;
  readonly debug: (message: string, fields?: LogFields) => void;
  /** What holds from now on. */
  configure(options: LogOptions): void;
}

export interface LoggerOutput {
  readonly write: (line: string) => void;
  /** Whether a line goes to the journal, which takes its priority from the head of it. */
  readonly isJournal: boolean;
}

/** What syslog calls them. */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
const WORDS: Readonly<Record<LogLevel, string>> = {
  error: 'error: ',
  warn: 'warning: ',
  info: '',
  debug: 'debug: ',
};

/** Lines for people until `configure` says otherwise. */
export function createLogger({ write, isJournal }: LoggerOutput): Logger {
  let format: LogOptions['format'] = 'plain';
  const destination = {
    write: (line: string) => write(format === 'json' ? line : plainLine(line, isJournal)),
  };
  const logger = pino(
    {
      base: { program: 'tidemarkd', pid: process.pid },
      formatters: { level: (level) => ({ level }) },
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
    },
    destination,
  );
  return {
    log(text, fields = {}) {
      const { level, message } = levelOf(text);
      logger[level](fields, message);
    },
    debug: (message, fields = {}) => logger.debug(fields, message),
    configure(options) {
      logger.level = options.level ?? 'info';
      format = options.format ?? 'plain';
    },
  };
}

function levelOf(text: string): { readonly level: LogLevel; readonly message: string } {
  for (const level of ['warn', 'error'] as const) {
    const word = WORDS[level];
    if (text.startsWith(word)) return { level, message: text.slice(word.length) };
  }
  return { level: 'info', message: text };
}

const Line = v.object({
  level: v.picklist(['error', 'warn', 'info', 'debug']),
  message: v.string(),
  client: v.exactOptional(v.number()),
});

function plainLine(line: string, isJournal: boolean): string {
  const { level, message, client } = v.parse(Line, JSON.parse(line));
  const about = client === undefined ? '' : `client ${client}: `;
  const priority = isJournal ? `<${PRIORITIES[level]}>` : '';
  return `${priority}tidemarkd: ${WORDS[level]}${printable(`${about}${message}`)}\n`;
}
