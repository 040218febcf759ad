import { usageFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { openImage } from '../open/open-image.ts';
import { Progress } from '../text/progress.ts';
import { compareImages, type Comparison } from '../work/compare-images.ts';
import { checkCacheMode } from './cache-mode.ts';
import { Naming } from './naming.ts';
import { readArguments } from './read-arguments.ts';

/** An image could not be opened. */
const EXIT_OPEN = 2;

export async function compare(words: readonly string[], host: ImgHost): Promise<number> {
  let format: string | undefined;
  let otherFormat: string | undefined;
  let cache = 'writeback';
  let [strict, isQuiet, shows, share] = [false, false, false, false];
  const naming = new Naming(host, EXIT_OPEN);
  const spec = { short: 'f:F:T:pqsU', long: ['force-share:U'], exitCode: EXIT_OPEN, naming };
  const rest = readArguments(words, spec, (key, value) => {
    if (key === 'f') format = value;
    else if (key === 'F') otherFormat = value;
    else if (key === 'T') cache = value;
    else if (key === 'p') shows = true;
    else if (key === 'q') isQuiet = true;
    else if (key === 's') strict = true;
    else share = true;
  });
  const [name, otherName] = rest;
  if (name === undefined || otherName === undefined || rest.length !== 2) {
    throw usageFailure('Expecting two image file names');
  }
  checkCacheMode(cache, 'source cache', EXIT_OPEN);
  const options = { ...naming.options, share, exitCode: EXIT_OPEN };
  const one = await openImage(name, { ...options, format });
  try {
    const other = await openImage(otherName, { ...options, format: otherFormat });
    try {
      const progress = new Progress(host, shows && !isQuiet);
      const total = Math.max(one.disk.size, other.disk.size);
      const onProgress = (done: number) => progress.show(done / total);
      const found = await compareImages(one, other, { strict, onProgress });
      const { text, exitCode } = toText(found);
      if (found.result === 'identical') progress.show(1);
      if (!isQuiet) host.out(text);
      progress.end();
      return exitCode;
    } finally {
      await other.disk.close();
    }
  } finally {
    await one.disk.close();
  }
}

function toText(found: Comparison): { readonly text: string; readonly exitCode: number } {
  if (found.result === 'sizes differ') {
    return { text: 'Strict mode: Image size mismatch!\n', exitCode: 1 };
  }
  if (found.result === 'status differs') {
    const text = `Strict mode: Offset ${found.offset} block status mismatch!\n`;
    return { text, exitCode: 1 };
  }
  const warning = found.sizesDiffer ? 'Warning: Image size mismatch!\n' : '';
  if (found.result === 'identical') {
    return { text: `${warning}Images are identical.\n`, exitCode: 0 };
  }
  return { text: `${warning}Content mismatch at offset ${found.offset}!\n`, exitCode: 1 };
}
