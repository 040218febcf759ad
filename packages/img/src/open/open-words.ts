import { isTidemarkError } from '@tidemark/core';
import { ImgFailure, PROGRAM } from '../failure.ts';
import { describeError, systemErrorOf } from './describe-error.ts';
import { statusOf } from './file-status.ts';
import { wordQcow2Error } from './qcow2-errors.ts';

/** Why a file could not be opened as an image, as QEMU's programs word it. */
export async function wordOpenError(
  problem: unknown,
  path: string,
  { writable }: { readonly writable: boolean },
): Promise<{ readonly message: string; readonly after: string }> {
  const error = wordQcow2Error(await wordFileError(problem, path, { writable }));
  const after = error instanceof ImgFailure ? error.after : '';
  return { message: describeError(error), after };
}

export async function wordFileError(
  problem: unknown,
  path: string,
  { writable }: { readonly writable: boolean },
): Promise<unknown> {
  if (isTidemarkError(problem, 'LOCKED') && systemErrorOf(problem) === undefined) {
    const lock = writable ? '"write" lock' : 'shared "write" lock';
    return new ImgFailure(`Failed to get ${lock}`, {
      code: 'LOCKED',
      after: `Is another process using the image [${path}]?\n`,
      cause: problem,
    });
  }
  if (isTidemarkError(problem, 'DEVICE_UNSUPPORTED')) {
    const isFolder = (await statusOf(path).catch(() => undefined))?.isDirectory() === true;
    if (isFolder && writable) {
      return new ImgFailure(`Could not open '${path}': Is a directory`, { cause: problem });
    }
    const what = isFolder ? 'a regular file' : 'a regular file or a block device';
    return new ImgFailure(`'file' driver requires '${path}' to be ${what}`, { cause: problem });
  }
  const system = systemErrorOf(problem);
  if (system === undefined || !isTidemarkError(problem)) return problem;
  return new ImgFailure(`Could not open '${path}': ${system}`, {
    code: problem.code,
    cause: problem,
  });
}

export function lostBitmaps(version: 2 | 3): string {
  const why =
    version === 2
      ? 'This qcow2 v2 image contains bitmaps, but they may have been modified by software without ' +
        'persistent bitmap support; so now these bitmaps may be considered inconsistent'
      : 'a program lacking bitmap support modified this file, so all bitmaps are now considered ' +
        'inconsistent';
  const leaks = "Some clusters may be leaked, run 'qemu-img check -r' on the image file to fix.";
  return `${PROGRAM}: warning: ${why}\n${leaks}\n`;
}

export function probedRaw(path: string): string {
  const indent = ' '.repeat('WARNING: '.length);
  return [
    `WARNING: Image format was not specified for '${path}' and probing guessed raw.`,
    `${indent}Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.`,
    `${indent}Specify the 'raw' format explicitly to remove the restrictions.`,
    '',
  ].join('\n');
}
