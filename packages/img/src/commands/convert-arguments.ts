import { ImgFailure, notOffered } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { addToList, wantsHelp } from '../text/option-list.ts';
import { sizeOption } from '../text/sizes-in-options.ts';
import { checkCacheMode } from './cache-mode.ts';
import { Naming } from './naming.ts';
import { readArguments } from './read-arguments.ts';

export interface ConvertArguments {
  /** How sources are named. */
  readonly naming: Naming;
  /** The target is named by a list of options. */
  readonly targetIsOptions: boolean;
  readonly sources: readonly string[];
  readonly target: string;
  readonly format: string | undefined;
  /** Undefined: the options of the target say it. */
  readonly targetFormat: string | undefined;
  readonly list: string | undefined;
  readonly backing: string | undefined;
  readonly backingFormat: string | undefined;
  readonly compressed: boolean;
  readonly skipCreate: boolean;
  readonly targetIsZero: boolean;
  readonly shows: boolean;
  readonly share: boolean;
  /** What cannot be read is zeros. */
  readonly salvage: boolean;
  /** Prints nothing that is no error. */
  readonly isQuiet: boolean;
  /** Bytes. */
  readonly sparse: number;
  readonly bitmaps: boolean;
  readonly skipBroken: boolean;
}

const LONG = [
  'force-share:U',
  'target-is-zero',
  'salvage',
  'bitmaps',
  'skip-broken-bitmaps',
  'target-image-opts',
];
const USUAL_SPARSE = 4096;
const MAX_SPARSE = 16 * 1024 * 1024;
const MAX_AT_ONCE = 16;

/** Undefined: what was asked for was help with options. @throws USAGE */
export function readConvert(words: readonly string[], host: ImgHost): ConvertArguments | 'help' {
  const texts = new Map<string, string>();
  const flags = new Set<string>();
  let list: string | undefined;
  let sparse: number | undefined;
  const naming = new Naming(host);
  const spec = { short: 'f:O:B:CcF:o:l:S:pt:T:qnm:WUr:', long: LONG, naming };
  const rest = readArguments(words, spec, (key, value) => {
    if (key === 'o') list = addToList(list, value);
    else if (key === 'S') sparse = sparseOf(value, host);
    else if (key === 'm') checkCount(value);
    else if (key === 'l' || key === 'r') throw notOffered(`convert -${key}`);
    else if ('fOBFtT'.includes(key)) texts.set(key, value);
    else flags.add(key);
  });
  if (flags.has('skip-broken-bitmaps') && !flags.has('bitmaps')) {
    throw new ImgFailure('Use of --skip-broken-bitmaps requires --bitmaps');
  }
  if (flags.has('C') && sparse !== undefined) {
    throw new ImgFailure('Cannot enable copy offloading when -S is used');
  }
  if (flags.has('C') && flags.has('c')) {
    throw new ImgFailure('Cannot enable copy offloading when -c is used');
  }
  if (flags.has('C') && flags.has('salvage')) {
    throw new ImgFailure('Cannot use copy offloading in salvaging mode');
  }
  if (flags.has('target-image-opts') && !flags.has('n')) {
    throw new ImgFailure('--target-image-opts requires use of -n flag');
  }
  if (flags.has('target-is-zero') && !flags.has('n')) {
    throw new ImgFailure('--target-is-zero requires use of -n flag');
  }
  const target = rest.at(-1);
  if (list !== undefined && wantsHelp(list)) return 'help';
  if (target === undefined || rest.length < 2) throw new ImgFailure('Must specify image file name');
  if (flags.has('n') && list !== undefined) {
    throw new ImgFailure('-o has no effect when skipping image creation');
  }
  if (flags.has('bitmaps') && rest.length > 2) {
    throw new ImgFailure('Copying bitmaps only possible with single source');
  }
  checkCacheMode(texts.get('T') ?? 'writeback', 'source cache');
  checkCacheMode(texts.get('t') ?? 'unsafe', 'cache');
  return {
    naming,
    targetIsOptions: flags.has('target-image-opts'),
    sources: rest.slice(0, -1),
    target,
    format: texts.get('f'),
    targetFormat: texts.get('O') ?? (flags.has('target-image-opts') ? undefined : 'raw'),
    list,
    backing: texts.get('B'),
    backingFormat: texts.get('F'),
    compressed: flags.has('c'),
    skipCreate: flags.has('n'),
    targetIsZero: flags.has('target-is-zero'),
    shows: flags.has('p') && !flags.has('q'),
    share: flags.has('U'),
    salvage: flags.has('salvage'),
    isQuiet: flags.has('q'),
    sparse: sparse ?? USUAL_SPARSE,
    bitmaps: flags.has('bitmaps'),
    skipBroken: flags.has('skip-broken-bitmaps'),
  };
}

function sparseOf(text: string, host: ImgHost): number {
  const what = 'buffer size for sparse output';
  const size = sizeOption(text, what, host.err);
  if (size % 512n === 0n && size <= BigInt(MAX_SPARSE)) return Number(size);
  throw new ImgFailure(
    `Invalid ${what} specified. Valid sizes are multiples of 512 up to ${MAX_SPARSE}. ` +
      'Select 0 to disable sparse detection (fully allocates output).',
  );
}

/** How many copy at once is ours to choose. */
function checkCount(text: string): void {
  const count = /^\s*[+-]?\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MAX_AT_ONCE) return;
  throw new ImgFailure(
    `Invalid number of coroutines. Allowed number of coroutines is between 1 and ${MAX_AT_ONCE}`,
  );
}
