import { buildApplication, buildRouteMap, run, text_en } from '@stricli/core';
import { EXIT_USAGE, exitCodeOf, reportError } from '@tidemark/program';
import { backup } from './commands/backup.ts';
import { bitmapRoutes } from './commands/bitmap/index.ts';
import { info } from './commands/info.ts';
import { repoRoutes } from './commands/repo/index.ts';
import { restore } from './commands/restore.ts';
import { packageVersion } from './package-version.ts';

const root = buildRouteMap({
  routes: { bitmap: bitmapRoutes, info, backup, restore, repo: repoRoutes },
  docs: {
    brief: 'remembers which parts of a virtual disk have changed, so that a backup copies only those',
    fullDescription: [
      'tidemark keeps dirty bitmaps inside qcow2 images and beside raw drives, byte-compatible with QEMU,',
      'and takes full and incremental backups by them.',
      '',
      'Exit codes: 0 done, 1 internal error, 2 usage, 3 not found, 4 exists already, 5 busy or locked,',
      '6 inconsistent bitmap, 7 invalid or mismatched, 8 not an image or corrupt, 9 unsupported,',
      '10 read-only or not permitted, 11 broken backup chain, 12 no space, 13 I/O error, 14 connection,',
      '15 Node too old, 130 cancelled.',
    ].join('\n'),
  },
});

/** Runs one command line and leaves its exit code in `process.exitCode`. */
export async function runCli(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  let exitCode: number | undefined;
  const report = (error: unknown): string => {
    exitCode = exitCodeOf(error);
    return reportError(error, { program: 'tidemark', json }).trimEnd();
  };
  const app = buildApplication(root, {
    name: 'tidemark',
    versionInfo: { currentVersion: packageVersion() },
    scanner: { caseStyle: 'allow-kebab-for-camel' },
    documentation: { caseStyle: 'convert-camel-to-kebab' },
    localization: {
      text: { ...text_en, exceptionWhileRunningCommand: report, commandErrorResult: report },
    },
  });
  await run(app, [...args], { process });
  // What the parser refuses has a code of its own below zero; to a user it is all wrong usage.
  const code = Number(process.exitCode ?? 0);
  process.exitCode = exitCode ?? (code < 0 || code > 128 ? EXIT_USAGE : code);
}
