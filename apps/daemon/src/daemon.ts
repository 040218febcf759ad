import { TidemarkError } from '@tidemark/core';
import { exitCodeOf, packageVersion, printable, reportError } from '@tidemark/program';
import { ConfigError } from './config/config-error.ts';
import { HELP } from './help.ts';
import { type DaemonOptions, parseOptions } from './options/parse-options.ts';

/** Runs until a signal or QMP's quit, and leaves the exit code in `process.exitCode`. */
export async function runDaemon(args: readonly string[]): Promise<void> {
  try {
    const options = parseOptions(args);
    if (options.help) process.stdout.write(HELP);
    else if (options.version)
      process.stdout.write(`tidemarkd ${packageVersion(import.meta.url)}\n`);
    else if (options.checkConfig) await checkConfig(options);
    else if (options.daemonize) await (await import('./background.ts')).daemonize(args);
    else await (await import('./run-service.ts')).serve(options);
  } catch (error) {
    process.stderr.write(reportOf(error));
    process.exitCode = exitCodeOf(error);
  }
}

async function checkConfig({ config }: DaemonOptions): Promise<void> {
  if (config === undefined) {
    const hint = 'add --config FILE';
    throw new TidemarkError('USAGE', 'no configuration file is given', { hint });
  }
  const { loadConfig } = await import('./config/load-config.ts');
  await loadConfig(config);
  process.stdout.write(`${printable(config)}: no fault found\n`);
}

/** A line for each fault of a configuration. */
function reportOf(error: unknown): string {
  if (!(error instanceof ConfigError)) return reportError(error, { program: 'tidemarkd' });
  return error.problems.map((problem) => `tidemarkd: ${printable(problem)}\n`).join('');
}
