import { TidemarkError } from '@tidemark/core';
import { exitCodeOf, packageVersion, reportError } from '@tidemark/program';
import { composeDrives, type ServedDrive } from './compose.ts';
import { HELP } from './help.ts';
import { type DaemonOptions, parseOptions } from './options/parse-options.ts';
import { type Servers, startServers } from './serve.ts';

const log = (message: string): void => void process.stderr.write(`tidemarkd: ${message}\n`);

/** Runs until a signal or QMP's quit, and leaves the exit code in `process.exitCode`. */
export async function runDaemon(args: readonly string[]): Promise<void> {
  try {
    const options = parseOptions(args);
    if (options.help) process.stdout.write(HELP);
    else if (options.version)
      process.stdout.write(`tidemarkd ${packageVersion(import.meta.url)}\n`);
    else await serve(options);
  } catch (error) {
    process.stderr.write(reportError(error, { program: 'tidemarkd' }));
    process.exitCode = exitCodeOf(error);
  }
}

async function serve(options: DaemonOptions): Promise<void> {
  if (options.drives.length === 0) {
    throw new TidemarkError('USAGE', 'no drive is given', { hint: 'add -drive file=PATH,id=ID' });
  }
  const stop = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    // Stays on while we close: a second signal must not cut the closing short.
    process.on(signal, () => stop.resolve(signal));
  }
  const drives = await composeDrives(options, (message) => log(`warning: ${message}`));
  let servers: Servers | undefined;
  // A daemon without sockets has nothing else to wait for, and Node would end it as it is.
  const alive = setInterval(() => {}, 2 ** 31 - 1);
  try {
    servers = await startServers(options, drives, { log, quit: () => stop.resolve('quit') });
    log(`ready: ${describe(options, servers, drives)}`);
    log(`closing on ${await stop.promise}`);
  } finally {
    // Also where bitmaps cannot be stored: what is left to do is to say so and end.
    clearInterval(alive);
    await shutDown(servers, drives);
  }
}

/** No new requests, then those under way, then bitmaps and data of every drive, whatever fails. */
async function shutDown(
  servers: Servers | undefined,
  drives: readonly ServedDrive[],
): Promise<void> {
  const problems: unknown[] = [];
  const attempt = (work: Promise<void>) =>
    work.catch((error: unknown) => void problems.push(error));
  // Or a server would wait for the answers to writes that wait for the disk to be mended.
  for (const { tracked } of drives) tracked.endWaiting();
  if (servers !== undefined) await attempt(servers.close());
  for (const { tracked } of drives) await attempt(tracked.close());
  for (const problem of problems.slice(1)) {
    process.stderr.write(reportError(problem, { program: 'tidemarkd' }));
  }
  if (problems.length > 0) throw problems[0];
}

function describe(
  { qmp }: DaemonOptions,
  { nbd: address }: Servers,
  drives: readonly ServedDrive[],
): string {
  const ids = drives.map(({ id }) => id).join(', ');
  const nbd = address === undefined ? [] : [`NBD on ${textOf(address)}`];
  const control = qmp === undefined ? [] : [`QMP on unix:${qmp}`];
  return [`serving ${ids}`, ...nbd, ...control].join('; ');
}

function textOf(address: NonNullable<Servers['nbd']>): string {
  if (address.type === 'unix') return `unix:${address.path}`;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
