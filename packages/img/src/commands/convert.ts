import { unlink } from 'node:fs/promises';
import type { BitmapStore } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { ImgFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { describeError } from '../open/describe-error.ts';
import { pathOf } from '../open/file-name.ts';
import type { ImgFormat } from '../open/formats.ts';
import { identityOf } from '../open/file-status.ts';
import { type Image, openImage } from '../open/open-image.ts';
import { CreateOptions } from '../text/create-options.ts';
import { Progress } from '../text/progress.ts';
import { copyContent } from '../work/convert-images.ts';
import { copyWhole } from '../work/copy-whole.ts';
import { copyBitmaps, planBitmapCopy } from '../work/copy-bitmaps.ts';
import { createImage, createRaw } from '../work/create-image.ts';
import { beginWhole, type WholeImage } from '../work/whole-image.ts';
import { salvaged } from '../work/salvage.ts';
import { Recording } from '../work/recording.ts';
import { bitmapsBeside, refuseLent } from '../work/sidecar-beside.ts';
import { type ConvertArguments, readConvert } from './convert-arguments.ts';
import { optionsFor, targetFileOf, targetFormatOf } from './convert-target.ts';

export async function convert(words: readonly string[], host: ImgHost): Promise<number> {
  const wanted = readConvert(words, host);
  if (wanted === 'help') {
    host.out(`Supported options:\n${CreateOptions.help('qcow2')}`);
    return 0;
  }
  const sources: Image[] = [];
  try {
    for (const name of wanted.sources) {
      const { naming, format, share, salvage, isQuiet } = wanted;
      const image = await openImage(name, { ...naming.options, format, share });
      sources.push(salvage ? salvaged(image, isQuiet ? () => {} : host.err) : image);
    }
    await convertOpen(sources, wanted, host);
  } finally {
    for (const source of sources) await source.disk.close();
  }
  return 0;
}

async function convertOpen(
  sources: readonly Image[],
  wanted: ConvertArguments,
  host: ImgHost,
): Promise<void> {
  const format = targetFormatOf(wanted);
  const size = sources.reduce((sum, { disk }) => sum + disk.size, 0);
  const options = wanted.skipCreate ? undefined : optionsFor(format, wanted, size, host);
  const bitmaps = await bitmapsOf(sources[0]!, format, options, wanted, host);
  try {
    const { path } = targetFileOf(wanted);
    refuseSources(sources, path, format, wanted);
    const isNew = identityOf(path) === undefined;
    const made = await make(sources, format, options, wanted, host);
    try {
      const isWhole = made !== undefined && 'image' in made;
      const target = isWhole
        ? await fillWhole(made, sources, size, wanted, host)
        : (made ?? (await openTarget(wanted, format)));
      try {
        const { qcow2 } = target;
        if (bitmaps !== undefined && qcow2?.info.version === 2) throw noBitmaps('qcow2');
        if (!isWhole) await fill(sources, target, size, wanted, host);
        if (bitmaps !== undefined) await copyBitmaps(bitmaps, target);
      } finally {
        await target.disk.close();
      }
    } catch (error) {
      // Half of a disk looks like a whole one. What was there before is gone anyway.
      if (isNew && options !== undefined) await unlink(path).catch(() => {});
      throw error;
    }
  } finally {
    await bitmaps?.store?.close();
  }
}

async function bitmapsOfTarget(target: Image, host: ImgHost): Promise<BitmapStore | undefined> {
  if (target.dataPath !== undefined) await refuseLent(target.dataPath);
  if (target.qcow2 !== undefined) return openQcow2Store(target.qcow2);
  return bitmapsBeside(target, { warn: host.err, wholeSectors: true });
}

async function bitmapsOf(
  source: Image,
  format: ImgFormat,
  options: CreateOptions | undefined,
  { bitmaps, skipBroken }: ConvertArguments,
  host: ImgHost,
) {
  if (!bitmaps) return undefined;
  const plan = await planBitmapCopy(source, { skipBroken, warn: host.err });
  const isOld = /^(?:0\.10|v2)$/.test(options?.get('compat') ?? '');
  if (format === 'qcow2' && !isOld) return plan;
  await plan.store?.close();
  throw noBitmaps(format);
}

function noBitmaps(format: ImgFormat): ImgFailure {
  return new ImgFailure(`Format driver '${format}' does not support bitmaps`);
}

/** The locks see to it too, where there are locks. */
function refuseSources(
  sources: readonly Image[],
  path: string,
  format: ImgFormat,
  { target, skipCreate }: ConvertArguments,
): void {
  const there = identityOf(path);
  if (there === undefined) return;
  for (const source of sources) {
    const own = identityOf(source.path);
    if (own?.dev !== there.dev || own.ino !== there.ino) continue;
    const what = skipCreate
      ? `Could not open '${target}'`
      : `${target}: error while converting ${format}`;
    throw new ImgFailure(`${what}: Failed to get "write" lock`, {
      code: 'LOCKED',
      after: `Is another process using the image [${path}]?\n`,
    });
  }
}

/** @returns a new image that is to be filled from front to back, where it can be, or an open one */
async function make(
  sources: readonly Image[],
  format: ImgFormat,
  options: CreateOptions | undefined,
  { target: name, compressed, sparse }: ConvertArguments,
  { err: warn }: ImgHost,
): Promise<WholeImage | Image | undefined> {
  if (options === undefined) return undefined;
  try {
    if (format === 'raw') return await createRaw({ name, options, warn });
    const isOrdered = format === 'qcow2' && !compressed;
    const whole = isOrdered && (await beginWhole({ name, options, sources, sparse, warn }));
    if (whole) return whole;
    await createImage({ name, format, options, warn });
    return undefined;
  } catch (error) {
    const after = error instanceof ImgFailure ? error.after : '';
    const message = `${name}: error while converting ${format}: ${describeError(error)}`;
    throw new ImgFailure(message, { after, cause: error });
  }
}

/** @returns the image, open for its bitmaps; it is whole and durable */
async function fillWhole(
  { file, image }: WholeImage,
  sources: readonly Image[],
  size: number,
  { target, sparse, shows }: ConvertArguments,
  host: ImgHost,
): Promise<Image> {
  const progress = new Progress(host, shows);
  try {
    const onProgress = (done: number) => progress.show(size === 0 ? 1 : done / size);
    await copyWhole({ sources, image, keepsZeros: sparse === 0, onProgress });
    progress.show(1);
    progress.end();
    const qcow2 = await openQcow2(file, { writable: true });
    const path = pathOf(target);
    return { path, format: 'qcow2', disk: qcow2, file, qcow2, backing: undefined };
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}

function openTarget(
  { target, targetFormat, targetIsOptions, compressed, naming }: ConvertArguments,
  format: ImgFormat,
): Promise<Image> {
  if (compressed && format === 'raw') {
    throw new ImgFailure('Compression not supported for this file format');
  }
  const named = { ...naming.options, isOptions: targetIsOptions };
  const wanted = targetIsOptions ? targetFormat : format;
  return openImage(target, { ...named, format: wanted, writable: true });
}

async function fill(
  sources: readonly Image[],
  target: Image,
  size: number,
  wanted: ConvertArguments,
  host: ImgHost,
): Promise<void> {
  if (target.disk.size < size) throw new ImgFailure('output file is smaller than input file');
  const hasBacking = target.backing !== undefined && !wanted.skipCreate;
  const isZero = !wanted.skipCreate || wanted.targetIsZero;
  const below = hasBacking
    ? 'backing'
    : isZero && target.backing === undefined
      ? 'zeros'
      : 'unknown';
  const progress = new Progress(host, wanted.shows);
  // A new image has no bitmaps yet.
  const store = wanted.skipCreate ? await bitmapsOfTarget(target, host) : undefined;
  const recording = store && (await Recording.begin(store));
  try {
    await copyContent({
      sources,
      target,
      below,
      belowSize: hasBacking ? (target.backing?.disk.size ?? 0) : 0,
      sparse: wanted.sparse,
      compressed: wanted.compressed,
      onWrite: (offset, length) => recording?.mark(offset, length),
      onProgress: (done) => progress.show(size === 0 ? 1 : done / size),
    });
  } finally {
    await recording?.end();
  }
  progress.show(1);
  progress.end();
}
