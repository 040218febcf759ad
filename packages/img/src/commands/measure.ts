import { ImgFailure, notOffered, PROGRAM } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { formatOf, type ImgFormat } from '../open/formats.ts';
import { openImage } from '../open/open-image.ts';
import { CreateOptions } from '../text/create-options.ts';
import { formatJson } from '../text/json.ts';
import { addToList, wantsHelp } from '../text/option-list.ts';
import { sizeOption } from '../text/sizes-in-options.ts';
import { type Measured, measureImage } from '../work/measure-image.ts';
import { Naming } from './naming.ts';
import { outputFormat } from './output-format.ts';
import { readArguments } from './read-arguments.ts';

export async function measure(words: readonly string[], host: ImgHost): Promise<number> {
  let format: string | undefined;
  let list: string | undefined;
  let size: bigint | undefined;
  let [output, target, share] = ['human', 'raw', false];
  const long = ['output=', 'size=', 'force-share:U'];
  const naming = new Naming(host);
  const rest = readArguments(words, { short: 'f:l:o:O:U', long, naming }, (key, value) => {
    if (key === 'f') format = value;
    else if (key === 'l') throw notOffered('measure -l');
    else if (key === 'o') list = addToList(list, value);
    else if (key === 'O') target = value;
    else if (key === 'U') share = true;
    else if (key === 'output') outputFormat((output = value));
    else size = sizeOption(value, 'image size', host.err);
  });
  const [name] = rest;
  if (rest.length > 1) throw new ImgFailure('At most one filename argument is allowed.');
  if (name === undefined && (format !== undefined || naming.options.isOptions === true)) {
    throw new ImgFailure('--image-opts, -f, and -l require a filename argument.');
  }
  if (name === undefined && size === undefined) {
    throw new ImgFailure('Either --size N or one filename must be specified.');
  }
  if (name !== undefined && size !== undefined) {
    throw new ImgFailure('--size N cannot be used together with a filename.');
  }
  const image =
    name === undefined
      ? undefined
      : await openImage(name, { ...naming.options, format, share, lock: 'look' });
  try {
    const known = formatOf(target, (other) => `Unknown file format '${other}'`);
    if (list !== undefined && wantsHelp(list)) {
      host.out(`Supported ${known} options:\n${CreateOptions.help(known)}`);
      return 0;
    }
    const options = optionsOf(known, list, host);
    const measured = await measureImage(known, options, image ?? { size: size! });
    host.out(output === 'json' ? toJson(measured) : toText(measured));
  } finally {
    await image?.disk.close();
  }
  return 0;
}

function optionsOf(format: ImgFormat, list: string | undefined, host: ImgHost): CreateOptions {
  try {
    return new CreateOptions(format, list, host.err);
  } catch (error) {
    if (!(error instanceof ImgFailure)) throw error;
    const after = `${error.after}${PROGRAM}: Invalid options for file format '${format}'\n`;
    throw new ImgFailure(error.message, { after, cause: error });
  }
}

function toText({ required, full, bitmaps }: Measured): string {
  const more = bitmaps === undefined ? '' : `bitmaps size: ${bitmaps}\n`;
  return `required size: ${required}\nfully allocated size: ${full}\n${more}`;
}

function toJson({ required, full, bitmaps }: Measured): string {
  return `${formatJson({ bitmaps, required, 'fully-allocated': full })}\n`;
}
