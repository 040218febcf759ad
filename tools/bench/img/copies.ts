import { closeSync, copyFileSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface CopyDisk {
  /** Bytes of the disk. */
  readonly size: number;
  /** Bytes from one run of data to the next, and of the run. */
  readonly step: number;
  readonly run: number;
}

/** A raw disk and the qcow2 image of it, each twice: to convert and to compare. */
export function makeDisks(dir: string, name: string, { size, step, run }: CopyDisk): string {
  const base = join(dir, name);
  const data = new Uint8Array(run).map((_, index) => (index * 31 + (index >>> 8)) | 1);
  const fd = openSync(`${base}.raw`, 'wx');
  ftruncateSync(fd, size);
  for (let at = 0; at < size; at += step) writeSync(fd, data, 0, run, at);
  closeSync(fd);
  const args = ['convert', '-f', 'raw', '-O', 'qcow2', `${base}.raw`, `${base}.qcow2`];
  execFileSync('qemu-img', args);
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', `${base}.raw`, `${base}-2.raw`]);
  copyFileSync(`${base}.qcow2`, `${base}-2.qcow2`);
  return base;
}
