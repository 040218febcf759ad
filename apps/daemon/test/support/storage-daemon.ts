import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { QmpClient } from '@tidemark/qmp';

/** A qemu-storage-daemon that serves one qcow2 image over NBD as export `vm`, driven over QMP. */
export interface StorageDaemon {
  readonly uri: string;
  readonly qmp: QmpClient;
  /** Ends it cleanly: bitmaps are stored. */
  quit(): Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
}

export async function startStorageDaemon(dir: string, image: string): Promise<StorageDaemon> {
  const [nbd, control] = [join(dir, 'qsd-nbd.sock'), join(dir, 'qsd-qmp.sock')];
  for (const socket of [nbd, control]) rmSync(socket, { force: true });
  const process = spawn(
    'qemu-storage-daemon',
    [
      ...['--blockdev', `driver=file,node-name=file,filename=${image}`],
      ...['--blockdev', 'driver=qcow2,node-name=vm,file=file,discard=unmap'],
      ...['--nbd-server', `addr.type=unix,addr.path=${nbd}`],
      ...['--chardev', `socket,id=control,path=${control},server=on,wait=off`],
      ...['--monitor', 'chardev=control'],
      ...['--export', 'type=nbd,id=vm,node-name=vm,writable=on'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  // The monitor's socket is there early; the export is there when its own socket takes clients.
  await appearance(process, nbd);
  await appearance(process, control);
  const qmp = await QmpClient.connect(control);
  return {
    uri: `nbd+unix:///vm?socket=${nbd}`,
    qmp,
    async quit() {
      const exit = new Promise((resolve) => process.once('exit', resolve));
      await qmp.execute('quit');
      await exit;
    },
    async kill() {
      const exit = new Promise((resolve) => process.once('exit', resolve));
      process.kill('SIGKILL');
      await exit;
      await qmp.close();
    },
  };
}

async function appearance(process: ChildProcess, path: string): Promise<void> {
  while (!existsSync(path)) {
    if (process.exitCode !== null) throw new Error(`it ended with ${process.exitCode}`);
    await setTimeout(10);
  }
}
