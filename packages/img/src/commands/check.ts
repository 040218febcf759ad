import type { ImageCheck } from '@tidemark/doctor';
import { usageFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { formatJson } from '../text/json.ts';
import { twoDecimals } from '../text/two-decimals.ts';
import { type CheckedImg, checkImg } from '../work/check-image.ts';
import { checkCacheMode } from './cache-mode.ts';
import { Naming } from './naming.ts';
import { outputFormat } from './output-format.ts';
import { readArguments } from './read-arguments.ts';

const EXIT_CORRUPT = 2;
const EXIT_LEAKS = 3;

export async function check(words: readonly string[], host: ImgHost): Promise<number> {
  let format: string | undefined;
  let repair: 'leaks' | 'all' | undefined;
  let [output, cache, isQuiet, share] = ['human', 'writeback', false, false];
  const long = ['format=:f', 'repair=:r', 'output=', 'force-share:U', 'quiet:q'];
  const naming = new Naming(host);
  const rest = readArguments(words, { short: 'f:r:T:qU', long, naming }, (key, value) => {
    if (key === 'f') format = value;
    else if (key === 'r') repair = repairMode(value);
    else if (key === 'T') cache = value;
    else if (key === 'q') isQuiet = true;
    else if (key === 'U') share = true;
    else output = value;
  });
  const [name] = rest;
  if (name === undefined || rest.length !== 1) throw usageFailure('Expecting one image file name');
  const form = outputFormat(output);
  checkCacheMode(cache, 'source cache');
  const checked = await checkImg(name, {
    naming: naming.options,
    format,
    repair,
    share,
    print: host.err,
  });
  if (!isQuiet) host.out(form === 'json' ? toJson(checked) : toText(checked));
  return exitCodeOf(checked.check);
}

function repairMode(text: string): 'leaks' | 'all' {
  if (text === 'leaks' || text === 'all') return text;
  throw usageFailure(`Unknown option value for -r (expecting 'leaks' or 'all'): ${text}`);
}

function exitCodeOf({ corruptions, leaks, checkErrors }: ImageCheck): number {
  if (corruptions > 0) return EXIT_CORRUPT;
  if (leaks > 0) return EXIT_LEAKS;
  return checkErrors > 0 ? 1 : 0;
}

function toText({ check: found, fixed }: CheckedImg): string {
  const { corruptions, leaks, checkErrors } = found;
  const lines: string[] = [];
  if (fixed !== undefined && fixed.leaks + fixed.corruptions > 0) {
    lines.push('The following inconsistencies were found and repaired:', '');
    lines.push(`    ${fixed.leaks} leaked clusters`, `    ${fixed.corruptions} corruptions`, '');
    lines.push('Double checking the fixed image now...');
  }
  if (corruptions + leaks + checkErrors === 0) lines.push('No errors were found on the image.');
  if (corruptions > 0) {
    lines.push('', `${corruptions} errors were found on the image.`);
    lines.push('Data may be corrupted, or further writes to the image may corrupt it.');
  }
  if (leaks > 0) {
    lines.push('', `${leaks} leaked clusters were found on the image.`);
    lines.push('This means waste of disk space, but no harm to data.');
  }
  if (checkErrors > 0) {
    lines.push('', `${checkErrors} internal errors have occurred during the check.`);
  }
  lines.push(...statistics(found), `Image end offset: ${found.imageEndOffset}`, '');
  return lines.join('\n');
}

function statistics(found: ImageCheck): readonly string[] {
  const { totalClusters, allocatedClusters: allocated } = found;
  if (totalClusters === 0 || allocated === 0) return [];
  const percent = (part: number, of: number) => `${twoDecimals((part * 100) / of)}%`;
  const fragmented = percent(found.fragmentedClusters, allocated);
  const compressed = percent(found.compressedClusters, allocated);
  return [
    `${allocated}/${totalClusters} = ${percent(allocated, totalClusters)} allocated, ` +
      `${fragmented} fragmented, ${compressed} compressed clusters`,
  ];
}

function toJson({ path, check: found, fixed }: CheckedImg): string {
  const some = (count: number | undefined) => (count === 0 ? undefined : count);
  return `${formatJson({
    'image-end-offset': found.imageEndOffset,
    'compressed-clusters': some(found.compressedClusters),
    'total-clusters': found.totalClusters,
    corruptions: some(found.corruptions),
    'corruptions-fixed': some(fixed?.corruptions),
    'check-errors': found.checkErrors,
    leaks: some(found.leaks),
    'leaks-fixed': some(fixed?.leaks),
    'allocated-clusters': some(found.allocatedClusters),
    filename: path,
    format: 'qcow2',
    'fragmented-clusters': some(found.fragmentedClusters),
  })}\n`;
}
