import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { QmpClient } from '@tidemark/qmp';
import { TIDEMARKD } from '../../../../tools/programs.ts';

/** Two programs that take the same flags and the same commands. */
export const DAEMONS = {
  'qemu-storage-daemon': ['qemu-storage-daemon'],
  tidemarkd: [process.execPath, TIDEMARKD],
} as const;

export type DaemonName = keyof typeof DAEMONS;

/** One of them, with a monitor. */
export interface EitherDaemon {
  readonly qmp: QmpClient;
  /** Of its monitor. */
  readonly socket: string;
  readonly process: ChildProcess;
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>;
}

let daemons = 0;

/** Starts one in the folder `dir`, where relative paths of its commands lead. */
export async function startEither(
  name: DaemonName,
  dir: string,
  ...flags: readonly string[]
): Promise<EitherDaemon> {
  const socket = join(dir, `qmp${daemons}.sock`);
  const pidfile = join(dir, `pid${daemons++}`);
  const [program, ...args] = DAEMONS[name];
  const process = spawn(
    program,
    [
      ...args,
      ...['--chardev', `socket,path=${socket},server=on,wait=off,id=c`, '--monitor', 'chardev=c'],
      ...flags,
      ...['--pidfile', pidfile],
    ],
    { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let stderr = '';
  process.stderr.on('data', (chunk: Uint8Array) => {
    stderr += Buffer.from(chunk).toString();
  });
  const ended = new Promise<number | null>((resolve) => process.once('exit', resolve));
  // It is written when all flags are done.
  while (!existsSync(pidfile)) {
    if (process.exitCode !== null) throw new Error(`${name} ended: ${stderr}`);
    await setTimeout(20);
  }
  return { qmp: await QmpClient.connect(socket), socket, process, ended };
}
