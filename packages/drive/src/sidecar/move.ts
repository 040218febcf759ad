import { constants, copyFile, open, realpath, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromSystemError } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { adoptSidecar, bindSidecar, defaultSidecarPath } from '@tidemark/store-sidecar';
import { findDefaultSidecar } from '../default-sidecar.ts';
import { fileIdentity } from '../file-identity.ts';
import { makeWhole, publish, syncFolder } from '../whole-file.ts';
import { dataFileNameOf } from './create.ts';
import { type SidecarOptions, withSidecar } from './with-sidecar.ts';

/** Of `moveDriveSidecar`; one of the two places at least. */
export interface MoveSidecarOptions extends SidecarOptions {
  /** New path of the sidecar. Default: beside the drive, if it is there now. */
  readonly to?: string | undefined;
  /** New path of the drive, on the same file system. Default: it stays. */
  readonly driveTo?: string | undefined;
}

/** Where `moveDriveSidecar` has put them, and what is trusted there. */
export interface MovedSidecar {
  readonly drive: string;
  readonly sidecar: string;
  /** Bitmaps that are trusted at the new place. */
  readonly bitmaps: readonly string[];
}

/**
 * Gives a raw drive, its sidecar or both another path. A drive that is renamed by others looks
 * changed to its sidecar; here the sidecar is told. A cut in between leaves both files, and bitmaps
 * that ask for an adoption, or are as before. @throws FILE_EXISTS, USAGE, DEVICE_UNSUPPORTED (another
 * file system), and as `withSidecar`
 */
export async function moveDriveSidecar(
  path: string,
  options: MoveSidecarOptions,
): Promise<MovedSidecar> {
  const { driveTo } = options;
  const from = options.sidecar ?? (await findDefaultSidecar(path));
  const to = options.to ?? (await usualPlace(path, from, driveTo));
  if (to === from && driveTo === undefined) throw nowhere(path);
  for (const target of [driveTo, to === from ? undefined : to]) {
    if (target !== undefined && (await fileIdentity(target)) !== undefined) throw exists(target);
  }
  if (driveTo !== undefined && !(await stat(path)).isFile()) throw notAFile(path);
  // What is not trusted now must not come to be by the change of its name.
  await withSidecar(path, options, async ({ session }) => bindSidecar(session));
  if (driveTo !== undefined) await moveDrive(await realpath(path), driveTo);
  if (to !== from) await moveSidecar(from, to);
  const moved = driveTo ?? path;
  return withSidecar(moved, { ...options, sidecar: to }, async (found) => {
    const name = await dataFileNameOf(found);
    const { entries } = await adoptSidecar({ ...found.session, answersFor: 'ctime', name });
    const bitmaps = entries.filter(({ inUse }) => !inUse).map((entry) => entry.name);
    return { drive: moved, sidecar: to, bitmaps };
  });
}

async function usualPlace(path: string, from: string, driveTo: string | undefined) {
  if (driveTo === undefined) return from;
  const isUsual = from === (await findDefaultSidecar(path));
  return isUsual ? defaultSidecarPath(driveTo) : from;
}

/** The new name is there before the old one goes: nothing that lies there is overwritten. */
async function rename(from: string, to: string): Promise<void> {
  await publish(from, to);
  await rm(from, { force: true });
  await syncFolder(dirname(from));
}

async function moveDrive(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isTidemarkError(error) || !isOtherFileSystem(error)) throw error;
    const problem = `'${from}' and '${to}' are not on the same file system`;
    const hint = 'copy the drive, move its sidecar alone, and have it adopted';
    throw new TidemarkError('DEVICE_UNSUPPORTED', problem, { where: from, hint }, error);
  }
}

async function moveSidecar(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isTidemarkError(error) || !isOtherFileSystem(error)) throw error;
    await makeWhole(to, async (temporary) => {
      await copyFile(from, temporary, constants.COPYFILE_EXCL);
      await syncFile(temporary);
    });
    await rm(from);
    await syncFolder(dirname(from));
  }
}

function isOtherFileSystem({ cause }: Error): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'EXDEV';
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } catch (error) {
    throw fromSystemError(error, path);
  } finally {
    await file.close();
  }
}

function nowhere(where: string): TidemarkError {
  return new TidemarkError('USAGE', `nothing says where '${where}' or its sidecar is to go`, {
    where,
    hint: 'name a new path of the sidecar, of the drive, or of both',
  });
}

function exists(where: string): TidemarkError {
  return new TidemarkError('FILE_EXISTS', `'${where}' exists already`, {
    where,
    hint: 'choose another path, or take that file away',
  });
}

function notAFile(where: string): TidemarkError {
  return new TidemarkError('USAGE', `'${where}' is a block device and has no name to change`, {
    where,
    hint: 'move its sidecar alone',
  });
}
