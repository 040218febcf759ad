import type { LayerExtent } from '@tidemark/qcow2';
import { ImgFailure, usageFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { type Image, openImage } from '../open/open-image.ts';
import { sizeOption } from '../text/sizes-in-options.ts';
import { fileOf, layersOf } from '../work/layers.ts';
import { Naming } from './naming.ts';
import { outputFormat } from './output-format.ts';
import { readArguments } from './read-arguments.ts';

interface Window {
  readonly start: number;
  readonly length: number | undefined;
}

export async function map(words: readonly string[], host: ImgHost): Promise<number> {
  let format: string | undefined;
  let output = 'human';
  let share = false;
  let [start, length]: [bigint, bigint | undefined] = [0n, undefined];
  const long = ['format=:f', 'output=', 'force-share:U', 'start-offset=:s', 'max-length=:l'];
  const naming = new Naming(host);
  const rest = readArguments(words, { short: 'f:s:l:U', long, naming }, (key, value) => {
    if (key === 'f') format = value;
    else if (key === 'U') share = true;
    else if (key === 's') start = sizeOption(value, 'start offset', host.err);
    else if (key === 'l') length = sizeOption(value, 'max length', host.err);
    else output = value;
  });
  const [name] = rest;
  if (name === undefined || rest.length !== 1) throw usageFailure('Expecting one image file name');
  const print = outputFormat(output) === 'json' ? printJson : printText;
  const image = await openImage(name, { ...naming.options, format, share, lock: 'look' });
  try {
    const window = {
      start: Number(start),
      length: length === undefined ? undefined : Number(length),
    };
    await print(image, window, host);
  } finally {
    await image.disk.close();
  }
  return 0;
}

async function printText(image: Image, { start, length }: Window, host: ImgHost): Promise<void> {
  host.out('Offset          Length          Mapped to       File\n');
  for await (const extent of layersOf(image, start, length)) {
    if (!extent.data) continue;
    if (extent.host === undefined) {
      throw new ImgFailure('File contains external, encrypted or compressed clusters.');
    }
    if (extent.zero) continue;
    const numbers = [extent.offset, extent.length, extent.host];
    host.out(`${numbers.map(hex).join('')}${fileOf(image, extent.depth)}\n`);
  }
}

function hex(value: number): string {
  return (value === 0 ? '0' : `0x${value.toString(16)}`).padEnd(16);
}

async function printJson(image: Image, { start, length }: Window, host: ImgHost): Promise<void> {
  let before = '[';
  for await (const extent of layersOf(image, start, length)) {
    host.out(`${before}${jsonOf(extent)}`);
    before = ',\n';
  }
  // Where there is nothing it says so of no bytes.
  const none = { depth: 0, present: false, zero: false, data: false, compressed: false };
  if (before === '[') host.out(`[${jsonOf({ offset: start, length: 0, ...none })}`);
  host.out(']\n');
}

function jsonOf({ offset, length, depth, present, zero, data, host }: LayerExtent): string {
  const place = host === undefined ? '' : `, "offset": ${host}`;
  const flags = `"present": ${present}, "zero": ${zero}, "data": ${data}`;
  return `{ "start": ${offset}, "length": ${length}, "depth": ${depth}, ${flags}${place}}`;
}
