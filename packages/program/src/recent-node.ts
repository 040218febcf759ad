import { spawn, type SpawnOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TidemarkError } from '@tidemark/core';
import { exitCodeOf } from './exit-codes.ts';
import { countHandedSockets, handSocketsOn } from './handed-sockets.ts';
import { reportError } from './report-error.ts';
import { toItsEnd } from './to-its-end.ts';

/** zstd came to node:zlib with it; engines in package.json says the same. */
const OLDEST = { major: 22, minor: 15 };

/**
 * Runs `main` where this Node is recent enough. On an older one it goes on with the Node that the
 * workspace has installed for itself, or, where there is none, says NODE_TOO_OLD and exits.
 * Nothing here may need a recent Node. `letGo`: called before another one goes on.
 */
export async function runOnRecentNode(
  program: string,
  moduleUrl: string,
  main: () => Promise<void>,
  letGo: () => void = () => {},
): Promise<void> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) {
    await toItsEnd(program, main);
    return;
  }
  const node = findWorkspaceNode(dirname(fileURLToPath(moduleUrl)));
  if (node === undefined) {
    const error = nodeTooOld();
    const json = process.argv.includes('--json');
    process.stderr.write(reportError(error, { program, json }));
    process.exitCode = exitCodeOf(error);
    return;
  }
  letGo();
  // Not the module's path: of a program that is packed into one file that is none.
  goOnWith(node, process.argv.slice(1));
}

function nodeTooOld(): TidemarkError {
  const wanted = `${OLDEST.major}.${OLDEST.minor}`;
  return new TidemarkError('NODE_TOO_OLD', `Node ${process.versions.node} is too old`, {
    where: process.execPath,
    hint: `install Node ${wanted} or newer, and run this with it`,
  });
}

function findWorkspaceNode(start: string): string | undefined {
  const binary = join('node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  for (let folder = start; ; folder = dirname(folder)) {
    const candidate = join(folder, binary);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

function goOnWith(node: string, args: readonly string[]): void {
  // Killed with SIGKILL we cannot tell the child; the kernel can, through util-linux's setpriv.
  const setpriv = '/usr/bin/setpriv';
  const { stdio, env } = handSocketsOn(countHandedSockets());
  const options: SpawnOptions = { stdio: ['inherit', 'inherit', 'inherit', ...stdio], env };
  const child = existsSync(setpriv)
    ? spawn(setpriv, ['--pdeathsig', 'KILL', '--', node, ...args], options)
    : spawn(node, args, options);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`${node} cannot be run: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
