import type { Qcow2Image } from '../../src/index.ts';
import { expectSame, readAll } from './images.ts';

/** A repeatable source of numbers: the seed is in the test's name. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Its length is no power of two, so that no two sectors or clusters of it are the same. */
const PATTERN = Uint8Array.from({ length: 509 }, (_, i) => 1 + (i % 255));

export interface WorkloadOptions {
  readonly seed: number;
  readonly steps: number;
  /** What the disk holds at the start; changed along with the image. */
  readonly model: Uint8Array;
  /** Longest range of one step. */
  readonly longest: number;
  /** Without it, what a discard leaves is unknown, so none is made. */
  readonly discardReads?: 'zeros';
}

/** Random changes, to an image and to a plain array; what is read between is compared. */
export async function runWorkload(image: Qcow2Image, options: WorkloadOptions): Promise<void> {
  const { model } = options;
  const random = randomOf(options.seed);
  for (let step = 0; step < options.steps; step++) {
    const offset = random(model.length);
    const length = 1 + random(Math.min(model.length - offset, options.longest));
    switch (random(8)) {
      case 0:
        await image.writeZeroes(offset, length, { unmap: random(2) === 0 });
        model.fill(0, offset, offset + length);
        break;
      case 1:
        await image.flush();
        break;
      case 2:
        await compareRange(image, model, offset, length);
        break;
      case 3:
        if (options.discardReads === undefined) break;
        await discardWholeClusters(image, model, offset, length);
        break;
      default:
        await writeRandom(image, model, offset, random(255) + 1, length);
    }
  }
  expectSame(await readAll(image), model);
}

async function writeRandom(
  image: Qcow2Image,
  model: Uint8Array,
  offset: number,
  fill: number,
  length: number,
): Promise<void> {
  const bytes = Buffer.alloc(length, PATTERN.subarray(fill));
  await image.write(bytes, offset);
  model.set(bytes, offset);
}

async function compareRange(
  image: Qcow2Image,
  model: Uint8Array,
  offset: number,
  length: number,
): Promise<void> {
  const bytes = new Uint8Array(length);
  await image.read(bytes, offset);
  expectSame(bytes, model.subarray(offset, offset + length));
}

async function discardWholeClusters(
  image: Qcow2Image,
  model: Uint8Array,
  offset: number,
  length: number,
): Promise<void> {
  const { clusterSize } = image.info;
  const from = Math.ceil(offset / clusterSize) * clusterSize;
  const end = offset + length;
  const to = end === model.length ? end : Math.floor(end / clusterSize) * clusterSize;
  await image.discard(offset, length);
  if (from < to) model.fill(0, from, to);
}
