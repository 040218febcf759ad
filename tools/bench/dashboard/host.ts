import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { startDaemon } from '../../programs.ts';

const DRIVES = 20;
/** Bytes at the head of each drive that are written. */
const WRITTEN = '64M';

/** A real daemon with twenty images of 16 TiB, each with two bitmaps that are live. */
export interface Host extends AsyncDisposable {
  readonly pid: number;
  /** Of the dashboard. */
  readonly url: string;
  /** How many it has served so far. */
  writes(): Promise<number>;
  /** Random writes of 4 KiB on all drives, so many in a second all together, until it is stopped. */
  write(rate: number): { stop(): Promise<void> };
}

/** `folder`: where the images are. */
export async function startHost(folder: string): Promise<Host> {
  const dir = mkdtempSync(`${folder}/tidemark-dashboard-`);
  const names = Array.from({ length: DRIVES }, (_, index) => `vm${index}`);
  for (const name of names) {
    const image = `${dir}/${name}.qcow2`;
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '16T'], { stdio: 'ignore' });
  }
  const drives = names.map((name) => {
    const bitmaps = { nightly: {}, hourly: {} };
    return [name, { file: `${dir}/${name}.qcow2`, format: 'qcow2', bitmaps }];
  });
  const config = {
    drives: Object.fromEntries(drives),
    nbd: { listen: { unix: `${dir}/nbd.sock` } },
    exports: Object.fromEntries(names.map((name) => [name, { drive: name }])),
    http: { listen: { host: '127.0.0.1', port: 0 } },
  };
  writeFileSync(`${dir}/tidemarkd.yaml`, JSON.stringify(config));
  const daemon = await startDaemon('--config', `${dir}/tidemarkd.yaml`);
  const port = /HTTP on \S*?:(\d+)/.exec(daemon.stderr())![1]!;
  return {
    pid: daemon.process.pid!,
    url: `http://127.0.0.1:${port}/`,
    writes: () => writesOf(`http://127.0.0.1:${port}/metrics`),
    write: (rate) => startFio(names, `${dir}/nbd.sock`, rate),
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      rmSync(dir, { recursive: true });
    },
  };
}

function startFio(names: readonly string[], socket: string, rate: number) {
  const child = spawn(
    'fio',
    [
      ...['--ioengine=nbd', '--rw=randwrite', '--bs=4k', '--iodepth=4', `--size=${WRITTEN}`],
      ...['--norandommap', '--randrepeat=0', '--time_based', '--runtime=600', '--thread'],
      `--rate_iops=${Math.round(rate / names.length)}`,
      ...names.flatMap((name) => [`--name=${name}`, `--uri=nbd+unix:///${name}?socket=${socket}`]),
    ],
    { stdio: 'ignore' },
  );
  return { stop: () => ended(child) };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  await exit;
}

/** By the daemon's own counts. */
async function writesOf(url: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const counts = text.matchAll(/^tidemark_export_requests_total\{[^}]*"write"[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
