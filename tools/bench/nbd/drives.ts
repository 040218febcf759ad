import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { makeImage } from '../img/images.ts';
import { SIZE } from './loads.ts';
import type { Drive } from './servers.ts';

const run = (program: string, ...words: readonly string[]) =>
  void execFileSync(program, words, { stdio: 'ignore' });

/** A drive whose blocks are all there, so that nobody has to allocate. */
export function filled(dir: string, name: string, format: Drive['format']): Drive {
  const path = join(dir, `${name}.${format}`);
  run('qemu-img', 'create', '-f', format, path, String(SIZE));
  run('qemu-io', '-f', format, '-c', `write -P 7 0 ${SIZE}`, path);
  return { path, format };
}

/** A qcow2 image with bitmaps, as QEMU makes them. */
export function withBitmaps(drive: Drive, count: number): Drive {
  for (let index = 0; index < count; index++) {
    run('qemu-img', 'bitmap', '--add', '-g', '64k', drive.path, `b${index}`);
  }
  return drive;
}

/** An image without data, and ten bitmaps of 32 MiB of bits each: 16 TiB in granules of 64 KiB. */
export async function tenLargeBitmaps(dir: string): Promise<Drive> {
  const path = join(dir, 'ten.qcow2');
  await makeImage(path, { size: 2 ** 44, bitmaps: 10, density: 0.5 });
  return { path, format: 'qcow2' };
}
