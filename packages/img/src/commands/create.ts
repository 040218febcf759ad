import { realpath } from 'node:fs/promises';
import { ImgFailure, usageFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { describeError } from '../open/describe-error.ts';
import { backingPath, hasProtocol, pathOf } from '../open/file-name.ts';
import { formatOf, type ImgFormat } from '../open/formats.ts';
import { openImage, type OpenImageOptions } from '../open/open-image.ts';
import { CreateOptions } from '../text/create-options.ts';
import { addToList, wantsHelp } from '../text/option-list.ts';
import { sizeOption } from '../text/sizes-in-options.ts';
import { createImage } from '../work/create-image.ts';
import { checkObject } from './naming.ts';
import { readArguments } from './read-arguments.ts';

interface Wanted {
  readonly name: string;
  readonly format: string;
  readonly list: string | undefined;
  readonly size: bigint | undefined;
  readonly backing: string | undefined;
  readonly backingFormat: string | undefined;
  /** The backing file is not opened. */
  readonly isUnsafe: boolean;
  readonly isQuiet: boolean;
  readonly objects: readonly string[];
}

export async function create(words: readonly string[], host: ImgHost): Promise<number> {
  const wanted = read(words, host);
  if (wanted === undefined) return 0;
  try {
    await createWanted(wanted, host);
    return 0;
  } catch (error) {
    throw named(wanted.name, error);
  }
}

function named(name: string, error: unknown): unknown {
  const after = error instanceof ImgFailure ? error.after : '';
  return new ImgFailure(`${name}: ${describeError(error)}`, { after, cause: error });
}

function read(words: readonly string[], host: ImgHost): Wanted | undefined {
  let [format, isUnsafe, isQuiet] = ['raw', false, false];
  let list: string | undefined;
  let backing: string | undefined;
  let backingFormat: string | undefined;
  const spec = { short: 'F:b:f:qo:u', long: ['quiet:q', 'object='] };
  const objects: string[] = [];
  const rest = readArguments(words, spec, (key, value) => {
    if (key === 'F') backingFormat = value;
    else if (key === 'b') backing = value;
    else if (key === 'f') format = value;
    else if (key === 'q') isQuiet = true;
    else if (key === 'u') isUnsafe = true;
    else if (key === 'object') objects.push(checkObject(value));
    else list = addToList(list, value);
  });
  const [name, sizeText, extra] = rest;
  if (list !== undefined && wantsHelp(list)) {
    const known = formatOf(format, (other) => `Unknown file format '${other}'`);
    host.out(`Supported ${known} options:\n${CreateOptions.help(known)}`);
    return undefined;
  }
  if (name === undefined) throw usageFailure('Expecting image file name');
  const size = sizeText === undefined ? undefined : sizeOption(sizeText, 'image size', host.err);
  if (extra !== undefined) throw usageFailure(`Unexpected argument: ${extra}`);
  return { name, format, list, size, backing, backingFormat, isUnsafe, isQuiet, objects };
}

async function createWanted(wanted: Wanted, host: ImgHost): Promise<void> {
  const format = formatOf(wanted.format, (other) => `Unknown file format '${other}'`);
  if (wanted.name !== '') pathOf(wanted.name);
  const options = new CreateOptions(format, wanted.list, host.err);
  await settle(options, wanted, format, host);
  if (!wanted.isQuiet)
    host.out(`Formatting '${wanted.name}', fmt=${format} ${options.describe()}\n`);
  await createImage({ name: wanted.name, format, options, warn: host.err });
}

/** What the options say once the words beside them are heard. */
async function settle(
  options: CreateOptions,
  wanted: Wanted,
  format: ImgFormat,
  host: ImgHost,
): Promise<void> {
  if (wanted.size !== undefined) {
    if (options.has('size')) throw new ImgFailure('The image size must be specified only once');
    options.set('size', String(wanted.size));
  }
  setBacking(options, wanted, format);
  const backing = options.get('backing_file');
  if (backing !== undefined) await checkBacking(options, backing, wanted, host);
  if (!options.has('size')) throw new ImgFailure('Image creation needs a size parameter');
}

function setBacking(options: CreateOptions, wanted: Wanted, format: ImgFormat): void {
  const { backing, backingFormat } = wanted;
  if (format === 'raw') {
    const refuse = (what: string) => new ImgFailure(`${what} not supported for file format 'raw'`);
    if (backing !== undefined) throw refuse('Backing file');
    if (backingFormat !== undefined) throw refuse('Backing file format');
    return;
  }
  if (backing !== undefined) options.set('backing_file', backing);
  if (backingFormat !== undefined) options.set('backing_fmt', backingFormat);
}

async function checkBacking(
  options: CreateOptions,
  backing: string,
  { name, isUnsafe, objects }: Wanted,
  host: ImgHost,
): Promise<void> {
  if (backing === '') throw new ImgFailure('Expected backing file name, got empty string');
  if (backing === name) {
    throw new ImgFailure(
      'Error: Trying to create an image with the same filename as the backing file',
    );
  }
  const format = options.get('backing_fmt');
  if (isUnsafe) {
    if (format === undefined) throw new ImgFailure('Backing file specified without backing format');
    return;
  }
  const path = backingPath(backing, pathOf(name));
  await refuseItself(path, name);
  const found = await look(path, { format, objects }, host);
  if (format === undefined) {
    const after = `Detected format of ${found.format}.`;
    throw new ImgFailure('Backing file specified without backing format', { after });
  }
  if (!options.has('size')) options.set('size', String(found.size));
}

/** By another name it would still be overwritten. */
async function refuseItself(backing: string, name: string): Promise<void> {
  if (hasProtocol(backing)) return;
  const [one, other] = await Promise.all(
    [backing, pathOf(name)].map((path) => realpath(path).catch(() => undefined)),
  );
  if (one === undefined || one !== other) return;
  throw new ImgFailure(
    'Error: Trying to create an image with the same filename as the backing file',
  );
}

async function look(
  path: string,
  { format, objects }: Pick<OpenImageOptions, 'format' | 'objects'>,
  host: ImgHost,
) {
  try {
    const { connectNbd, err: warn } = host;
    const image = await openImage(path, { format, share: true, objects, connectNbd, warn });
    const { size } = image.disk;
    await image.disk.close();
    return { size, format: image.format };
  } catch (error) {
    const said =
      error instanceof ImgFailure ? error.message.replace(`Could not open '${path}': `, '') : '';
    throw new ImgFailure(said, { after: 'Could not open backing image.\n', cause: error });
  }
}
