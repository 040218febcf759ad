import {
  type Application,
  buildApplication,
  buildRouteMap,
  type DocumentationBriefs,
  type CommandContext,
  ExitCode,
  proposeCompletions,
  run,
  text_en,
} from '@stricli/core';
import { EXIT_USAGE, exitCodeOf, packageVersion } from '@tidemark/program';
import { errorTexts } from './error-texts.ts';
import { COMPLETE } from './complete.ts';
import { HOST } from './host.ts';
import { type Routes, routesFor } from './routes.ts';
import { say } from './say.ts';

const DOCS = {
  brief: 'remembers which parts of a virtual disk have changed, so that a backup copies only those',
  fullDescription: [
    'tidemark keeps dirty bitmaps inside qcow2 images and beside raw drives, as QEMU keeps them, and',
    'takes full and incremental backups by them.',
    '',
    'EXAMPLES',
    '  tidemark bitmap add vm.qcow2 nightly',
    '  tidemark backup vm.qcow2 backups/vm --bitmap nightly',
    '  tidemark restore backups/vm vm-restored.qcow2',
    '',
    'EXIT CODES',
    '   0  done                         8  not an image, or a corrupt one',
    '   1  internal error               9  unsupported',
    '   2  wrong usage                 10  read-only, or not permitted',
    '   3  not found                   11  wrong drive, parent or checksum of a backup',
    '   4  exists already              12  no space',
    '   5  busy or locked              13  input or output failed',
    '   6  inconsistent bitmap         14  connection failed',
    '   7  invalid value, or a         15  Node is too old',
    '      sidecar that does not fit  130  cancelled',
    '  20 to 24: what image check found; see tidemark image check --help',
  ].join('\n'),
};

const BRIEFS: DocumentationBriefs = {
  ...text_en.briefs,
  help: 'print this help',
  version: 'print the version',
  argumentEscapeSequence: 'what follows are arguments, though they begin with a dash',
};

/** The program of these commands; `args`: the command line that mistakes are told of. */
export function buildCli(routes: Routes, args: readonly string[]): Application<CommandContext> {
  return buildApplication(buildRouteMap({ routes, docs: DOCS }), {
    name: 'tidemark',
    versionInfo: { currentVersion: packageVersion(import.meta.url) },
    // `--` ends the options, so that a name may begin with a dash.
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { caseStyle: 'convert-camel-to-kebab', onlyRequiredInUsageLine: true },
    localization: { text: { ...text_en, ...errorTexts(args, routes), briefs: BRIEFS } },
    determineExitCode: exitCodeOf,
  });
}

/** Runs one command line and leaves its exit code in `process.exitCode`. */
export async function runCli(args: readonly string[]): Promise<void> {
  const host = { ...HOST };
  const app = buildCli(await routesFor(args), args);
  if (args[0] === COMPLETE) {
    const found = await proposeCompletions(app, args.slice(1), { process: host });
    for (const { completion } of found) say(1, `${completion}\n`);
    return;
  }
  await run(app, args, { process: host });
  process.exitCode = ownExitCode(Number(host.exitCode ?? 0));
}

/** The parser's own codes are below zero; to a shell they are wrong usage, or a fault of ours. */
function ownExitCode(code: number): number {
  if (code === ExitCode.UnknownCommand || code === ExitCode.InvalidArgument) return EXIT_USAGE;
  return code < 0 ? 1 : code;
}
