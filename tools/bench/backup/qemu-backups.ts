import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { QmpClient } from '@tidemark/qmp';
import { BITMAP, type Increment } from './increment.ts';

/** Clock ticks a second, of /proc. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** A qemu-storage-daemon that makes one incremental backup after the other. */
export class QemuBackups {
  readonly #process: ChildProcess;
  readonly #qmp: QmpClient;
  readonly #size: number;

  private constructor(process: ChildProcess, qmp: QmpClient, size: number) {
    this.#process = process;
    this.#qmp = qmp;
    this.#size = size;
  }

  static async start({ path, size }: Increment, dir: string): Promise<QemuBackups> {
    const control = join(dir, 'qmp.sock');
    rmSync(control, { force: true });
    const process = spawn(
      'qemu-storage-daemon',
      [
        ...['--blockdev', `driver=file,node-name=file,filename=${path},read-only=on`],
        ...['--blockdev', 'driver=qcow2,node-name=drive,file=file,read-only=on'],
        ...['--chardev', `socket,id=control,path=${control},server=on,wait=off`],
        ...['--monitor', 'chardev=control'],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    while (!existsSync(control)) {
      if (process.exitCode !== null) throw new Error(`it ended with ${process.exitCode}`);
      await setTimeout(10);
    }
    return new QemuBackups(process, await QmpClient.connect(control), size);
  }

  /** `blockdev-backup sync=bitmap`, and the target closed, which flushes it. Seconds. */
  async backUp(target: string): Promise<{ readonly wall: number; readonly cpu: number }> {
    rmSync(target, { force: true });
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', target, String(this.#size)]);
    const qmp = this.#qmp;
    await qmp.execute('blockdev-add', {
      driver: 'qcow2',
      'node-name': 'target',
      file: { driver: 'file', filename: target },
    });
    const before = this.#processorTime();
    const begun = performance.now();
    await qmp.execute('blockdev-backup', {
      'job-id': 'job',
      device: 'drive',
      target: 'target',
      sync: 'bitmap',
      bitmap: BITMAP,
      'bitmap-mode': 'never',
    });
    while ((await this.#jobs()).length > 0) await setTimeout(1);
    await qmp.execute('blockdev-del', { 'node-name': 'target' });
    const wall = (performance.now() - begun) / 1000;
    return { wall, cpu: this.#processorTime() - before };
  }

  async #jobs(): Promise<readonly unknown[]> {
    const jobs: unknown = await this.#qmp.execute('query-jobs');
    return Array.isArray(jobs) ? jobs : [];
  }

  #processorTime(): number {
    const fields = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8')
      .split(') ')[1]!
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  async quit(): Promise<void> {
    const exit = new Promise((resolve) => this.#process.once('exit', resolve));
    await this.#qmp.execute('quit');
    await exit;
  }
}
