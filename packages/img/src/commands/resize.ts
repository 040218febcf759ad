import { ImgFailure, PROGRAM, usageFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { openImage } from '../open/open-image.ts';
import { sizeParameter } from '../text/sizes-in-options.ts';
import { resizeImage, type ResizePreallocation } from '../work/resize-image.ts';
import { Naming } from './naming.ts';
import { readArguments } from './read-arguments.ts';

const NO_SHRINK = [
  "Shrinking an image will delete all data beyond the shrunken image's end.",
  'Before performing such an operation, make sure there is no important data there.',
].join(' ');

export async function resize(words: readonly string[], host: ImgHost): Promise<number> {
  // The size stands last, and may begin with a dash.
  if (words.length < 3) throw usageFailure('Not enough arguments');
  const sizeText = words.at(-1)!;
  let format: string | undefined;
  let [isQuiet, shrink] = [false, false];
  let preallocation: ResizePreallocation = 'off';
  const naming = new Naming(host);
  const spec = { short: 'f:q', long: ['preallocation=', 'shrink'], naming };
  const rest = readArguments(words.slice(0, -1), spec, (key, value) => {
    if (key === 'f') format = value;
    else if (key === 'q') isQuiet = true;
    else if (key === 'shrink') shrink = true;
    else preallocation = modeOf(value);
  });
  const [name] = rest;
  if (name === undefined || rest.length !== 1) {
    throw usageFailure('Expecting image file name and size');
  }
  const sign = /^[+-]/.exec(sizeText)?.[0];
  const amount = sizeParameter(sign === undefined ? sizeText : sizeText.slice(1), 'size', host.err);
  const image = await openImage(name, { ...naming.options, format, writable: true });
  try {
    const now = BigInt(image.disk.size);
    const size = BigInt.asIntN(
      64,
      sign === undefined ? amount : sign === '+' ? now + amount : now - amount,
    );
    if (size <= 0n) throw new ImgFailure('New image size must be positive');
    if (size <= now && preallocation !== 'off') {
      throw new ImgFailure('Preallocation can only be used for growing images');
    }
    if (size < now && !shrink) {
      throw new ImgFailure('Use the --shrink option to perform a shrink operation.', {
        after: `${PROGRAM}: warning: ${NO_SHRINK}\n`,
      });
    }
    await resizeImage(image, size, { preallocation, warn: host.err });
  } finally {
    await image.disk.close();
  }
  if (!isQuiet) host.out('Image resized.\n');
  return 0;
}

const MODES = ['off', 'metadata', 'falloc', 'full'] as const;

function modeOf(mode: string): ResizePreallocation {
  const found = MODES.find((each) => each === mode);
  if (found !== undefined) return found;
  throw new ImgFailure(`Invalid preallocation mode '${mode}'`);
}
