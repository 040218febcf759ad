import { spawn } from 'node:child_process';

/** What the process in the background says when it serves. */
const READY = 'ready';

/**
 * Runs the program with the other options in the background, and resolves when it serves. Where it
 * does not come to that, its words and its exit code are ours.
 */
export async function daemonize(args: readonly string[]): Promise<void> {
  const others = args.filter((arg) => !/^--?daemonize$/.test(arg));
  const script = process.argv[1]!;
  const child = spawn(process.execPath, [...process.execArgv, script, ...others], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  child.stderr!.pipe(process.stderr, { end: false });
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? 1));
    child.once('error', () => resolve(1));
  });
  const ready = new Promise<undefined>((resolve) => {
    child.on('message', (message) => {
      if (message === READY) resolve(undefined);
    });
  });
  const code = await Promise.race([ended, ready]);
  if (code !== undefined) process.exitCode = code;
  child.stderr!.destroy();
  if (child.connected) child.disconnect();
  child.unref();
}

/** Tells who waits for us in the foreground, if somebody does. What we say later nobody hears. */
export function tellParent(): void {
  if (process.send === undefined) return;
  process.stderr.on('error', () => {});
  process.send(READY);
  process.disconnect();
}
