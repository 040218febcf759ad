import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { createQcow2 } from '@tidemark/qcow2';
import { run } from '../qemu.ts';
import { Model } from './model.ts';
import type { Random } from './random.ts';
import { optionsOf, type Shape } from './shapes.ts';

export interface MadeImage {
  readonly path: string;
  readonly model: Model;
}

/** Makes an image of a shape in `dir`, in place of the one before. */
export async function makeImage(dir: string, shape: Shape, random: Random): Promise<MadeImage> {
  const made = await makeEmpty(dir, shape, random);
  const { path, model } = made;
  for (const granularity of granularitiesOf(shape)) {
    const name = `first-${model.bitmaps.size}`;
    await run('qemu-img', 'bitmap', '--add', '-g', String(granularity), path, name);
    model.add(name, granularity, true);
  }
  if (shape.snapshot) {
    await run('qemu-img', 'snapshot', '-q', '-c', 'first', path);
    model.snapshots.push('first');
  }
  return made;
}

function granularitiesOf({ bitmaps }: Shape): readonly number[] {
  if (bitmaps === 'none') return [];
  return bitmaps === 'alike' ? [65_536, 65_536] : [512, 65_536, 2 ** 21];
}

async function makeEmpty(dir: string, shape: Shape, random: Random): Promise<MadeImage> {
  const path = join(dir, 'image.qcow2');
  const dataFile = join(dir, 'image.data');
  for (const file of [path, dataFile]) await rm(file, { force: true });
  const options = optionsOf(shape, dataFile);
  if (shape.compressed) return compressed(dir, path, { shape, options, random });
  if (shape.maker === 'ours') {
    await using file = await openFileDevice(path, { writable: true, create: 'exclusive' });
    const { size, clusterSize, refcountBits, extendedL2 } = shape;
    await createQcow2(file, { size, clusterSize, refcountBits, extendedL2 });
    return { path, model: new Model(new Uint8Array(size)) };
  }
  const content = new Uint8Array(shape.size);
  const base = await makeBase(dir, shape, random);
  const behind = base && ['-b', base.path, '-F', base.format];
  const args = ['create', '-q', '-f', 'qcow2', '-o', options, ...(behind ?? [])];
  await run('qemu-img', ...args, path, String(shape.size));
  if (base !== undefined) content.set(base.content.subarray(0, shape.size));
  return { path, model: new Model(content) };
}

interface Base {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly content: Uint8Array;
}

/** Longer or shorter than the disk that stands on it. */
async function makeBase(dir: string, shape: Shape, random: Random): Promise<Base | undefined> {
  if (shape.backing === 'none') return undefined;
  const sectors = Math.floor(shape.size / 512);
  const length = 512 * (Math.floor(sectors / 2) + random.below(sectors));
  const raw = join(dir, 'base.raw');
  const content = random.bytes(length);
  await writeFile(raw, content);
  if (shape.backing === 'raw') return { path: raw, format: 'raw', content };
  const path = join(dir, 'base.qcow2');
  await run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, path);
  if (shape.backing === 'qcow2') return { path, format: 'qcow2', content };
  const middle = join(dir, 'middle.qcow2');
  const behind = ['-b', path, '-F', 'qcow2'];
  await run('qemu-img', 'create', '-q', '-f', 'qcow2', ...behind, middle, String(length));
  const [offset, value] = [512 * random.below(length / 1024), 1 + random.below(255)];
  await run('qemu-io', '-f', 'qcow2', '-c', `write -q -P ${value} ${offset} 2048`, middle);
  content.fill(value, offset, offset + 2048);
  return { path: middle, format: 'qcow2', content };
}

async function compressed(
  dir: string,
  path: string,
  { shape, options, random }: { shape: Shape; options: string; random: Random },
): Promise<MadeImage> {
  const content = new Uint8Array(shape.size);
  const length = Math.floor(shape.size / 2);
  content.set(random.bytes(length), random.below(shape.size - length));
  const raw = join(dir, 'compressed.raw');
  await writeFile(raw, content);
  await run('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', options, raw, path);
  return { path, model: new Model(content) };
}
