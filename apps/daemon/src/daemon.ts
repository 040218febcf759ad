import { TidemarkError } from '@tidemark/core';
import { exitCodeOf, packageVersion, reportError } from '@tidemark/program';
import { BlockGraph } from '@tidemark/graph';
import type { NbdAddress } from '@tidemark/nbd';
import { daemonize, tellParent } from './background.ts';
import { composeDrives } from './compose.ts';
import { HELP } from './help.ts';
import { type DaemonOptions, parseOptions } from './options/parse-options.ts';
import { removePidfile, writePidfile } from './pidfile.ts';
import { type Monitors, serveSteps } from './serve.ts';

const log = (message: string): void => void process.stderr.write(`tidemarkd: ${message}\n`);

/** Runs until a signal or QMP's quit, and leaves the exit code in `process.exitCode`. */
export async function runDaemon(args: readonly string[]): Promise<void> {
  try {
    const options = parseOptions(args);
    if (options.help) process.stdout.write(HELP);
    else if (options.version)
      process.stdout.write(`tidemarkd ${packageVersion(import.meta.url)}\n`);
    else if (options.daemonize) await daemonize(args);
    else await serve(options);
  } catch (error) {
    process.stderr.write(reportError(error, { program: 'tidemarkd' }));
    process.exitCode = exitCodeOf(error);
  }
}

async function serve(options: DaemonOptions): Promise<void> {
  if (options.drives.length === 0 && options.steps.length === 0) {
    throw new TidemarkError('USAGE', 'no drive is given', { hint: 'add -drive file=PATH,id=ID' });
  }
  const stop = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    // Stays on while we close: a second signal must not cut the closing short.
    process.on(signal, () => stop.resolve(signal));
  }
  const warn = (message: string) => log(`warning: ${message}`);
  const drives = await composeDrives(options, warn);
  const graph = new BlockGraph({ checkpoints: options.checkpoints, log });
  for (const { id, tracked, drive } of drives) graph.adopt(id, tracked, drive);
  let monitors: Monitors | undefined;
  // A daemon without sockets has nothing else to wait for, and Node would end it as it is.
  const alive = setInterval(() => {}, 2 ** 31 - 1);
  try {
    monitors = await serveSteps(options, drives, { graph, log, quit: () => stop.resolve('quit') });
    await writePidfile(options.pidfile);
    log(`ready: ${describe(options, graph)}`);
    tellParent();
    log(`closing on ${await stop.promise}`);
  } finally {
    // Also where bitmaps cannot be stored: what is left to do is to say so and end.
    clearInterval(alive);
    await shutDown(monitors, graph);
    await removePidfile(options.pidfile);
  }
}

/** No new commands, then jobs and requests, then bitmaps and data of every drive, whatever fails. */
async function shutDown(monitors: Monitors | undefined, graph: BlockGraph): Promise<void> {
  const problems: unknown[] = [];
  const attempt = (work: Promise<void> | undefined) =>
    work?.catch((error: unknown) => void problems.push(error));
  // Or a command would wait for writes that wait for the disk to be mended.
  graph.endWaiting();
  await attempt(monitors?.close());
  await attempt(graph.close());
  if (problems.length > 0) throw problems[0];
}

function describe({ steps }: DaemonOptions, graph: BlockGraph): string {
  const ids = graph.nodes.list().filter(({ isInline }) => !isInline);
  const { address } = graph.nbd;
  const nbd = address === undefined ? [] : [`NBD on ${textOf(address)}`];
  const control = steps.flatMap((step) =>
    step.kind === 'monitor' ? [`QMP on unix:${step.path}`] : [],
  );
  const names = ids.map(({ name }) => name).join(', ');
  return [`serving ${names === '' ? 'nothing yet' : names}`, ...nbd, ...control].join('; ');
}

function textOf(address: NbdAddress): string {
  if (address.type === 'unix') return `unix:${address.path}`;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
