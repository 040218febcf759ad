import { spawn } from 'node:child_process';
import { handSocketsOn } from '@tidemark/program';
import { PROGRAM } from './failure.ts';
import type { NbdHost } from './host.ts';

/** Set for the process in the background, and there alone. */
const MARK = 'TIDEMARK_NBD_FORKED';

/** What the process in the background tells the one that waits for it. */
interface Told {
  /** For standard error. */
  readonly text: string;
  readonly isReady: boolean;
}

interface Background {
  /** Listening sockets that it is to have. */
  readonly handedSockets: number;
  /** Calls `ready` when clients can connect; resolves when it has served. */
  readonly serve: (host: NbdHost, ready: () => void) => Promise<void>;
  /** Prints why it failed, and returns the exit code. */
  readonly report: (error: unknown, host: NbdHost) => number;
}

/**
 * Runs `serve` in a process of its own, and resolves to an exit code when that is ready or has
 * failed. It has no terminal and no standard streams: who reads those of this program sees them end.
 */
export async function runInBackground(
  words: readonly string[],
  host: NbdHost,
  background: Background,
): Promise<number> {
  return process.env[MARK] === undefined
    ? watch(words, host, background)
    : beChild(host, background);
}

function watch(
  words: readonly string[],
  host: NbdHost,
  { handedSockets }: Background,
): Promise<number> {
  const { stdio, env } = handSocketsOn(handedSockets);
  const child = spawn(process.execPath, [...process.execArgv, ...host.restart, ...words], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', ...stdio, 'ipc'],
    env: { ...env, [MARK]: '1' },
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      host.err(`${PROGRAM}: Failed to fork: ${error.message}\n`);
      resolve(1);
    });
    child.once('message', (told) => {
      if (!isTold(told)) return;
      host.err(told.text);
      child.disconnect();
      child.unref();
      resolve(told.isReady ? 0 : 1);
    });
    child.once('exit', (code, signal) => {
      host.err(`${PROGRAM}: the server ended before clients could connect: ${signal ?? code}\n`);
      resolve(1);
    });
  });
}

function isTold(message: unknown): message is Told {
  return typeof message === 'object' && message !== null && 'text' in message;
}

async function beChild(host: NbdHost, { serve, report }: Background): Promise<number> {
  let text = '';
  let hasTold = false;
  const tell = (isReady: boolean) => {
    if (hasTold) return;
    hasTold = true;
    process.send?.({ text, isReady } satisfies Told);
  };
  const own: NbdHost = {
    ...host,
    err: (more) => {
      if (hasTold) host.err(more);
      else text += more;
    },
  };
  try {
    await serve(own, () => tell(true));
    return 0;
  } catch (error) {
    return report(error, own);
  } finally {
    tell(false);
  }
}
