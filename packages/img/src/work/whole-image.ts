import { rm } from 'node:fs/promises';
import type { FileBlockDevice } from '@tidemark/block';
import { type CreateQcow2Options, NewImage } from '@tidemark/qcow2';
import { pathOf } from '../open/file-name.ts';
import { statusOf } from '../open/file-status.ts';
import type { Image } from '../open/open-image.ts';
import type { CreateOptions } from '../text/create-options.ts';
import { openOrMake } from './create-image.ts';
import { planQcow2 } from './plan-qcow2.ts';

export interface WholeImage {
  readonly file: FileBlockDevice;
  readonly image: NewImage;
}

interface BeginWholeOptions {
  readonly name: string;
  readonly options: CreateOptions;
  readonly sources: readonly Image[];
  /** Bytes: shorter runs of zeros are written as they are. */
  readonly sparse: number;
  readonly warn: (text: string) => void;
}

/**
 * Begins an image that is written from front to back, in place of what was there. Undefined, and
 * nothing is done: it is of a kind that cannot be, or not a file. @throws USAGE and others
 */
export async function beginWhole(begin: BeginWholeOptions): Promise<WholeImage | undefined> {
  const { name, options, sources, sparse, warn } = begin;
  if (name === '') return undefined;
  const plan = planQcow2(options, options.size('size') ?? 0n);
  const others = sources.slice(0, -1);
  const areWhole = others.every(({ disk }) => disk.size % plan.clusterSize === 0);
  if (!isPlain(plan) || !areWhole || sparse > plan.clusterSize) return undefined;
  const path = pathOf(name);
  const status = await statusOf(path).catch(() => undefined);
  if (status?.isFile() === false) return undefined;
  const { file, isNew } = await openOrMake(path, warn);
  try {
    const expected = await expectedOf(sources, plan.size);
    return { file, image: await NewImage.begin(file, { ...plan, expected }) };
  } catch (error) {
    await file.close().catch(() => {});
    if (isNew) await rm(path, { force: true });
    throw error;
  }
}

/** Data in the image, a cluster at a time, and nothing behind it. */
function isPlain({ extendedL2, preallocation, dataFile, backing }: CreateQcow2Options): boolean {
  const isAhead = preallocation !== undefined && preallocation !== 'off';
  return extendedL2 !== true && !isAhead && dataFile === undefined && backing === undefined;
}

/** Bytes of data, about: what the files take up. */
async function expectedOf(sources: readonly Image[], size: number): Promise<number> {
  let bytes = 0;
  for (const { path, isRemote = false, disk } of sources) {
    bytes += isRemote ? disk.size : (await statusOf(path)).blocks * 512;
  }
  return Math.min(bytes, size);
}
