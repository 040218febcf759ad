import { parseArgs } from 'node:util';
import { TidemarkError } from '@tidemark/core';
import { type BitmapOption, parseBitmapOption } from './bitmap-option.ts';
import { type DriveOption, parseDriveOption } from './drive-option.ts';
import { parseNbdServerOption, parseQmpOption, type SocketAddress } from './socket-options.ts';
import type { NbdLimits } from '@tidemark/nbd';
import { parseObjects, type ServerTls, serverTls } from '@tidemark/program';

/** What the command line asks for, each option understood by itself. */
export interface DaemonOptions {
  readonly drives: readonly DriveOption[];
  readonly bitmaps: readonly BitmapOption[];
  readonly nbdServer: NbdServing | undefined;
  /** Path of the QMP socket. */
  readonly qmp: string | undefined;
  /** Folder of checkpoints over several drives. */
  readonly checkpoints: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
}

/** Where and how NBD clients are served. */
export interface NbdServing {
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
  checkpoints: { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

/** @throws USAGE */
export function parseOptions(args: readonly string[]): DaemonOptions {
  const { values } = parse(args);
  const drives = (values.drive ?? []).map(parseDriveOption);
  const twice = drives.find(({ id }, i) => drives.findIndex((other) => other.id === id) !== i);
  if (twice !== undefined) {
    throw new TidemarkError('USAGE', `-drive: the id '${twice.id}' is given twice`, {
      hint: 'give each drive an id of its own',
    });
  }
  const nbdServer = onlyOne('--nbd-server', values['nbd-server']);
  const qmp = onlyOne('--qmp', values.qmp);
  return {
    drives,
    bitmaps: (values['dirty-bitmap'] ?? []).map(parseBitmapOption),
    nbdServer: nbdServer === undefined ? undefined : servingOf(nbdServer, values.object),
    qmp: qmp === undefined ? undefined : parseQmpOption(qmp),
    checkpoints: onlyOne('--checkpoints', values.checkpoints),
    help: values.help ?? false,
    version: values.version ?? false,
  };
}

function servingOf(option: string, objects: readonly string[] = []): NbdServing {
  const { address, creds, authz, exposed, limits } = parseNbdServerOption(option);
  return { address, tls: serverTls(parseObjects(objects), { creds, authz }), exposed, limits };
}

function onlyOne(option: string, given: readonly string[] = []): string | undefined {
  if (given.length <= 1) return given[0];
  throw new TidemarkError('USAGE', `${option} is given twice`, { hint: 'give it once' });
}

function parse(args: readonly string[]) {
  // QEMU's long options come with one dash or two.
  const dashed = args.map((arg) => (/^-[a-z]{2}/.test(arg) ? `-${arg}` : arg));
  try {
    return parseArgs({ args: dashed, options: ARGUMENTS, strict: true, allowPositionals: false });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message.toLowerCase() : String(cause);
    throw new TidemarkError('USAGE', text, {
      hint: 'tidemarkd --help lists the options',
    });
  }
}
