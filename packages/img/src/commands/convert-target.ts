import { ImgFailure, notOffered } from '../failure.ts';
import { describeError } from '../open/describe-error.ts';
import type { ImgHost } from '../host.ts';
import { formatOf, type ImgFormat } from '../open/formats.ts';
import { type FileSource, type ImageSource, sourceOf } from '../open/image-source.ts';
import { CreateOptions } from '../text/create-options.ts';
import type { ConvertArguments } from './convert-arguments.ts';

/** @throws USAGE */
export function targetFormatOf(wanted: ConvertArguments): ImgFormat {
  const { targetFormat } = wanted;
  if (targetFormat === undefined) return targetOf(wanted).format ?? 'raw';
  return formatOf(targetFormat, (other) => `Unknown file format '${other}'`);
}

/** @throws USAGE: nothing of it can be made there */
export function targetFileOf(wanted: ConvertArguments): FileSource {
  const { file } = targetOf(wanted);
  if (file.driver !== 'nbd' || wanted.skipCreate) return file;
  throw notOffered('convert to an NBD server without -n');
}

function targetOf({ target, targetIsOptions }: ConvertArguments): ImageSource {
  try {
    return sourceOf(target, targetIsOptions);
  } catch (error) {
    if (!targetIsOptions) throw error;
    throw new ImgFailure(`Could not open '${target}': ${describeError(error)}`, { cause: error });
  }
}

/** Of a target that is made, with what other options say of it. @throws USAGE */
export function optionsFor(
  format: ImgFormat,
  wanted: ConvertArguments,
  size: number,
  host: ImgHost,
): CreateOptions {
  const { list, backing, backingFormat, compressed } = wanted;
  const options = new CreateOptions(format, list, host.err);
  if (format === 'raw' && (backing !== undefined || backingFormat !== undefined)) {
    const what = backing === undefined ? 'Backing file format' : 'Backing file';
    throw new ImgFailure(`${what} not supported for file format 'raw'`);
  }
  options.set('size', String(size));
  if (backing !== undefined) options.set('backing_file', backing);
  if (backingFormat !== undefined) options.set('backing_fmt', backingFormat);
  if (options.has('backing_file') && wanted.sources.length > 1) {
    throw new ImgFailure(
      'Having a backing file for the target makes no sense when concatenating multiple input images',
    );
  }
  if (options.has('backing_file') && !options.has('backing_fmt')) {
    throw new ImgFailure('Use of backing file requires explicit backing format');
  }
  if (compressed) {
    if (format === 'raw') throw new ImgFailure('Compression not supported for this file format');
    if ((options.get('preallocation') ?? 'off') !== 'off') {
      throw new ImgFailure('Compression and preallocation not supported at the same time');
    }
  }
  return options;
}
