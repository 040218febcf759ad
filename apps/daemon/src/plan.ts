import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TidemarkError } from '@tidemark/core';
import { findDefaultSidecar } from '@tidemark/drive';
import type { BitmapOption } from './options/bitmap-option.ts';
import type { DriveOption } from './options/drive-option.ts';

/**
 * Where a bitmap is kept: with the drive (its own image, or the default sidecar of a raw drive),
 * in a sidecar that an option names, or in memory.
 */
export type BitmapPlace =
  | { readonly kind: 'own' }
  | { readonly kind: 'sidecar'; readonly path: string }
  | { readonly kind: 'memory' };

export interface PlannedBitmap {
  readonly option: BitmapOption;
  readonly place: BitmapPlace;
}

/** One drive with the bitmaps that options name for it. */
export interface PlannedDrive {
  readonly option: DriveOption;
  readonly bitmaps: readonly PlannedBitmap[];
}

/**
 * Puts the options together, in whatever order they came: which bitmap is on which drive, and in
 * which file. @throws USAGE, BITMAP_EXISTS
 */
export async function planDrives(
  drives: readonly DriveOption[],
  bitmaps: readonly BitmapOption[],
): Promise<readonly PlannedDrive[]> {
  const files = nameFiles(bitmaps);
  const located = bitmaps.map((option) => ({ option, file: fileOf(option, files) }));
  const byDrive = new Map<DriveOption, PlannedBitmap[]>(drives.map((drive) => [drive, []]));
  const owners = await defaultOwners(drives);

  for (const { option, file } of located) {
    const sameFile = located.filter((other) => file !== undefined && other.file === file);
    const drive = driveOf(
      option,
      drives,
      sameFile.map((other) => other.option),
    );
    const place = placeOf(option, drive, file);
    if (place.kind === 'sidecar') await claim(owners, place.path, drive);
    const planned = byDrive.get(drive)!;
    if (planned.some((other) => other.option.name === option.name)) {
      throw problem(
        option,
        `drive '${drive.id}' has an option for this name already`,
        'give it once',
      );
    }
    planned.push({ option, place });
  }
  return [...byDrive].map(([option, planned]) => ({ option, bitmaps: planned }));
}

/** What each file_id stands for. */
function nameFiles(bitmaps: readonly BitmapOption[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const option of bitmaps) {
    const { file, fileId } = option;
    if (file === undefined || fileId === undefined) continue;
    const known = files.get(fileId);
    if (known !== undefined && resolve(known) !== resolve(file)) {
      throw problem(option, `'file_id=${fileId}' is '${known}' already`, 'use another file_id');
    }
    files.set(fileId, file);
  }
  return files;
}

function fileOf(option: BitmapOption, files: ReadonlyMap<string, string>): string | undefined {
  if (option.file !== undefined) return resolve(option.file);
  if (option.fileId === undefined) return undefined;
  const file = files.get(option.fileId);
  if (file !== undefined) return resolve(file);
  throw problem(
    option,
    `no option says which file 'file_id=${option.fileId}' is`,
    `add file=PATH,file_id=${option.fileId} to one -dirty-bitmap`,
  );
}

function driveOf(
  option: BitmapOption,
  drives: readonly DriveOption[],
  sameFile: readonly BitmapOption[],
): DriveOption {
  // An option that only names a file goes where another option has put that file.
  const wanted = option.drive ?? sameFile.find((other) => other.drive !== undefined)?.drive;
  if (wanted === undefined && drives.length === 1) return drives[0]!;
  const found = drives.find((drive) => drive.id === wanted);
  if (found !== undefined) return found;
  throw problem(
    option,
    wanted === undefined ? 'it names no drive' : `there is no drive '${wanted}'`,
    `use drive=ID with the id of a -drive: ${drives.map((drive) => drive.id).join(', ')}`,
  );
}

function placeOf(option: BitmapOption, drive: DriveOption, file: string | undefined): BitmapPlace {
  if (file === undefined) return option.persistent ? { kind: 'own' } : { kind: 'memory' };
  if (!option.persistent) {
    throw problem(option, "'persistent=off' keeps it in memory, not in a file", 'leave file out');
  }
  if (drive.source.kind === 'memory') {
    throw problem(
      option,
      `drive '${drive.id}' is in memory and so are its bitmaps`,
      'leave file out',
    );
  }
  if (drive.source.format === 'qcow2') {
    throw problem(
      option,
      `drive '${drive.id}' is qcow2 and keeps its bitmaps itself`,
      'leave file out',
    );
  }
  return { kind: 'sidecar', path: file };
}

async function defaultOwners(drives: readonly DriveOption[]): Promise<Map<string, DriveOption>> {
  const owners = new Map<string, DriveOption>();
  for (const drive of drives) {
    if (drive.source.kind !== 'file') continue;
    // A drive that cannot be found fails when it is opened.
    const sidecar = await findDefaultSidecar(drive.source.path).catch(() => undefined);
    if (sidecar !== undefined) owners.set(await fileIdentity(sidecar), drive);
  }
  return owners;
}

async function claim(
  owners: Map<string, DriveOption>,
  sidecar: string,
  drive: DriveOption,
): Promise<void> {
  const key = await fileIdentity(sidecar);
  const owner = owners.get(key) ?? drive;
  owners.set(key, owner);
  if (owner === drive) return;
  throw new TidemarkError(
    'USAGE',
    `sidecar '${sidecar}' serves drive '${owner.id}' and cannot serve '${drive.id}' too`,
    { where: sidecar, hint: `give drive '${drive.id}' a sidecar of its own` },
  );
}

/** The same for every name of a file, whether it exists yet or not. */
async function fileIdentity(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch {
    const folder = await realpath(dirname(absolute)).catch(() => dirname(absolute));
    return join(folder, basename(absolute));
  }
}

function problem(option: BitmapOption, message: string, hint: string): TidemarkError {
  return new TidemarkError('USAGE', `-dirty-bitmap '${option.name}': ${message}`, {
    bitmap: option.name,
    hint,
  });
}
