import { TidemarkError } from '@tidemark/core';
import { BlockGraph } from '@tidemark/graph';
import { tellParent } from './background.ts';
import { adoptedOf, composeDrives, type ServedDrive } from './compose.ts';
import type { LoadedConfig } from './config/load-config.ts';
import { createLogger, type Logger } from './log/logger.ts';
import type { DaemonOptions } from './options/parse-options.ts';
import { removePidfile, writePidfile } from './pidfile.ts';
import { RunningService } from './running-service.ts';

/** Serves until a signal or QMP's quit. @throws what keeps it from that, or goes wrong at the end */
export async function serve(options: DaemonOptions): Promise<void> {
  const loaded = options.config === undefined ? undefined : await load(options.config);
  if (loaded === undefined && options.drives.length === 0 && options.steps.length === 0) {
    throw new TidemarkError('USAGE', 'no drive is given', {
      hint: 'add -drive file=PATH,id=ID, or --config FILE',
    });
  }
  const logger = newLogger();
  logger.configure(loaded?.config.log ?? {});
  const stop = Promise.withResolvers<string>();
  const reload = Promise.withResolvers<RunningService>();
  listenToSignals({ stop: stop.resolve, service: loaded && reload.promise });
  const checkpoints = options.checkpoints ?? loaded?.config.checkpoints;
  const drives = await composeDrives({ ...options, checkpoints }, (text) =>
    logger.log(`warning: ${text}`),
  );
  const service = startGraph({ options, drives, checkpoints, logger, loaded, stop: stop.resolve });
  // A daemon without sockets has nothing else to wait for, and Node would end it as it is.
  const alive = setInterval(() => {}, 2 ** 31 - 1);
  try {
    await service.start(loaded, drives);
    await writePidfile(options.pidfile);
    await service.tellReady();
    tellParent();
    reload.resolve(service);
    const why = await stop.promise;
    logger.log(`closing on ${why}`);
  } finally {
    // Also where bitmaps cannot be stored: what is left to do is to say so and end.
    clearInterval(alive);
    await service.close();
    await removePidfile(options.pidfile);
  }
}

/** A reader of YAML is much to load for who has no use for it. */
async function load(path: string): Promise<LoadedConfig> {
  const { loadConfig } = await import('./config/load-config.ts');
  return loadConfig(path);
}

function newLogger(): Logger {
  // Who reads it may leave: drives go on.
  process.stderr.on('error', () => {});
  return createLogger({
    write: (line) => void process.stderr.write(line),
    isJournal: process.env['JOURNAL_STREAM'] !== undefined,
  });
}

function listenToSignals({
  stop,
  service,
}: {
  readonly stop: (why: string) => void;
  /** Present where there is a configuration to read again. Resolves once it serves. */
  readonly service: Promise<RunningService> | undefined;
}): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    // Stays on while we close: a second signal must not cut the closing short.
    process.on(signal, () => {
      if (signal !== 'SIGHUP' || service === undefined) stop(signal);
      // What is wrong with it is in the log.
      else void service.then((running) => running.reload().catch(() => {}));
    });
  }
}

interface StartOptions {
  readonly options: DaemonOptions;
  readonly drives: readonly ServedDrive[];
  readonly checkpoints: string | undefined;
  readonly logger: Logger;
  readonly loaded: LoadedConfig | undefined;
  readonly stop: (why: string) => void;
}

function startGraph({ drives, checkpoints, logger, ...others }: StartOptions): RunningService {
  const graph = new BlockGraph({
    checkpoints,
    log: logger.log,
    onClient: ({ id, what, export: name }) => {
      const text = name === undefined ? `it ${what}` : `it uses export '${name}'`;
      logger.debug(text, { client: id, ...(name !== undefined && { export: name }) });
    },
  });
  for (const drive of drives) graph.adopt(adoptedOf(drive));
  return new RunningService({ ...others, graph, logger });
}
