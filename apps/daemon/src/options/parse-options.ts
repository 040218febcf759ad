import { parseArgs } from 'node:util';
import { TidemarkError } from '@tidemark/core';
import { type BitmapOption, parseBitmapOption } from './bitmap-option.ts';
import { type DriveOption, parseDriveOption } from './drive-option.ts';
import type { HttpConfig } from '../config/serving-schema.ts';
import {
  parseHttpOption,
  parseNbdServerOption,
  parseQmpOption,
  type SocketAddress,
} from './socket-options.ts';
import type { NbdLimits } from '@tidemark/nbd';
import { parseObjects, type ProgramObjects, type ServerTls, serverTls } from '@tidemark/program';
import { parseBlockdev, parseChardev, parseExport, parseMonitor, type Step } from './steps.ts';

/** What the command line asks for, each option understood by itself. */
export interface DaemonOptions {
  readonly drives: readonly DriveOption[];
  readonly bitmaps: readonly BitmapOption[];
  readonly nbdServer: NbdServing | undefined;
  /** What qemu-storage-daemon's options ask for, and where clients connect, in order. */
  readonly steps: readonly Step[];
  /** What `--object` options made. */
  readonly objects: ProgramObjects;
  /** Where the HTTP API is served, beside what a configuration says. */
  readonly http: HttpConfig | undefined;
  /** Goes on in the background once it serves. */
  readonly daemonize: boolean;
  /** Of a file that holds the process's id as long as it runs. */
  readonly pidfile: string | undefined;
  /** Path of a configuration file. */
  readonly config: string | undefined;
  /** Only says whether that file is right. */
  readonly checkConfig: boolean;
  /** Folder of checkpoints over several drives. */
  readonly checkpoints: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
}

/** Where and how NBD clients are served. */
interface NbdServing {
  readonly address: SocketAddress;
  readonly tls: ServerTls | undefined;
  readonly exposed: boolean;
  readonly limits: Partial<NbdLimits>;
}

const ARGUMENTS = {
  drive: { type: 'string', multiple: true },
  'dirty-bitmap': { type: 'string', multiple: true },
  object: { type: 'string', multiple: true },
  'nbd-server': { type: 'string', multiple: true },
  qmp: { type: 'string', multiple: true },
  http: { type: 'string', multiple: true },
  blockdev: { type: 'string', multiple: true },
  export: { type: 'string', multiple: true },
  chardev: { type: 'string', multiple: true },
  monitor: { type: 'string', multiple: true },
  daemonize: { type: 'boolean' },
  pidfile: { type: 'string', multiple: true },
  checkpoints: { type: 'string', multiple: true },
  config: { type: 'string', multiple: true },
  'check-config': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

/** @throws USAGE */
export function parseOptions(args: readonly string[]): DaemonOptions {
  const { values, tokens } = parse(args);
  const drives = (values.drive ?? []).map(parseDriveOption);
  const twice = drives.find(({ id }, i) => drives.findIndex((other) => other.id === id) !== i);
  if (twice !== undefined) {
    throw new TidemarkError('USAGE', `-drive: the id '${twice.id}' is given twice`, {
      hint: 'give each drive an id of its own',
    });
  }
  const nbdServer = onlyOne('--nbd-server', values['nbd-server']);
  onlyOne('--qmp', values.qmp);
  const http = onlyOne('--http', values.http);
  const objects = parseObjects(values.object ?? []);
  return {
    drives,
    bitmaps: (values['dirty-bitmap'] ?? []).map(parseBitmapOption),
    nbdServer: nbdServer === undefined ? undefined : servingOf(nbdServer, objects),
    steps: parseSteps(tokens),
    objects,
    http: http === undefined ? undefined : parseHttpOption(http),
    daemonize: values.daemonize ?? false,
    pidfile: onlyOne('--pidfile', values.pidfile),
    config: onlyOne('--config', values.config),
    checkConfig: values['check-config'] ?? false,
    checkpoints: onlyOne('--checkpoints', values.checkpoints),
    help: values.help ?? false,
    version: values.version ?? false,
  };
}

/** As QEMU does: what stands behind finds what stands before. */
function parseSteps(tokens: ReturnType<typeof parse>['tokens']): readonly Step[] {
  const steps: Step[] = [];
  const chardevs = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind !== 'option' || token.value === undefined) continue;
    const { name, value } = token;
    if (name === 'blockdev') steps.push(parseBlockdev(value));
    if (name === 'export') steps.push(parseExport(value));
    if (name === 'nbd-server') steps.push({ kind: 'nbd-server' });
    if (name === 'qmp') steps.push({ kind: 'monitor', path: parseQmpOption(value) });
    if (name === 'monitor') steps.push(parseMonitor(value, chardevs));
    if (name !== 'chardev') continue;
    const { id, path } = parseChardev(value);
    if (chardevs.has(id)) throw twiceGiven(`the chardev '${id}'`);
    chardevs.set(id, path);
  }
  return steps;
}

function servingOf(option: string, objects: ProgramObjects): NbdServing {
  const { address, creds, authz, exposed, limits } = parseNbdServerOption(option);
  return { address, tls: serverTls(objects, { creds, authz }), exposed, limits };
}

function onlyOne(option: string, given: readonly string[] = []): string | undefined {
  if (given.length <= 1) return given[0];
  throw twiceGiven(option);
}

function twiceGiven(what: string): TidemarkError {
  return new TidemarkError('USAGE', `${what} is given twice`, { hint: 'give it once' });
}

function parse(args: readonly string[]) {
  // QEMU's long options come with one dash or two.
  const dashed = args.map((arg) => (/^-[a-z]{2}/.test(arg) ? `-${arg}` : arg));
  try {
    return parseArgs({ args: dashed, options: ARGUMENTS, strict: true, tokens: true });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message.toLowerCase() : String(cause);
    throw new TidemarkError('USAGE', text, {
      hint: 'tidemarkd --help lists the options',
    });
  }
}
