import { ImgFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { sizeOption } from '../text/sizes-in-options.ts';
import { type BitmapAction, changeBitmap } from '../work/change-bitmap.ts';
import { Naming } from './naming.ts';
import { readArguments } from './read-arguments.ts';

const ACTIONS = ['add', 'remove', 'clear', 'enable', 'disable'] as const;
const NONE = 'Need at least one of --add, --remove, --clear, --enable, --disable, or --merge';

export async function bitmap(words: readonly string[], host: ImgHost): Promise<number> {
  const actions: BitmapAction[] = [];
  let format: string | undefined;
  let source: string | undefined;
  let sourceFormat: string | undefined;
  let granularity: bigint | undefined;
  const long = [...ACTIONS, 'merge=', 'source-file=:b', 'source-format=:F', 'granularity=:g'];
  const naming = new Naming(host);
  const rest = readArguments(words, { short: 'b:f:F:g:', long, naming }, (key, value) => {
    const simple = ACTIONS.find((action) => action === key);
    if (simple !== undefined) actions.push({ op: simple });
    else if (key === 'merge') actions.push({ op: 'merge', from: value });
    else if (key === 'b') source = value;
    else if (key === 'f') format = value;
    else if (key === 'F') sourceFormat = value;
    else granularity = sizeOption(value, 'granularity', host.err);
  });
  const [file, name] = rest;
  if (file === undefined || name === undefined || rest.length !== 2) {
    if (actions.length === 0) throw new ImgFailure(NONE);
    throw new ImgFailure('Expecting filename and bitmap name');
  }
  if (actions.length === 0) throw new ImgFailure(NONE);
  const has = (op: string) => actions.some((action) => action.op === op);
  if (granularity !== undefined && granularity !== 0n && !has('add')) {
    throw new ImgFailure('granularity only supported with --add');
  }
  if (sourceFormat !== undefined && source === undefined) {
    throw new ImgFailure('-F only supported with -b');
  }
  if (source !== undefined && !has('merge')) {
    throw new ImgFailure('Merge bitmap source file only supported with --merge');
  }
  await changeBitmap({
    image: { name: file, format },
    source: source === undefined ? undefined : { name: source, format: sourceFormat },
    bitmap: name,
    actions,
    granularity,
    ...naming.options,
  });
  return 0;
}
