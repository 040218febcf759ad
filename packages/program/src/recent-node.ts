import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** zstd came to node:zlib with it; engines in package.json says the same. */
const OLDEST = { major: 22, minor: 15 };
const NODE_TOO_OLD_EXIT = 15;

/**
 * Runs `main` where this Node is recent enough. On an older one it goes on with the Node that the
 * workspace has installed for itself, or, where there is none, says NODE_TOO_OLD and exits.
 * Nothing here may need a recent Node.
 */
export async function runOnRecentNode(
  program: string,
  moduleUrl: string,
  main: () => Promise<void>,
): Promise<void> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) {
    await main();
    return;
  }
  const script = fileURLToPath(moduleUrl);
  const node = findWorkspaceNode(dirname(script));
  if (node === undefined) {
    process.stderr.write(
      `${program}: Node ${process.versions.node} is too old: ${OLDEST.major}.${OLDEST.minor} or newer is needed (NODE_TOO_OLD)\n`,
    );
    process.exitCode = NODE_TOO_OLD_EXIT;
    return;
  }
  goOnWith(node, [script, ...process.argv.slice(2)]);
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
  const child = existsSync(setpriv)
    ? spawn(setpriv, ['--pdeathsig', 'KILL', '--', node, ...args], { stdio: 'inherit' })
    : spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
