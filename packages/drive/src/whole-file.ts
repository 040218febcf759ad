import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromSystemError } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';

/** File systems without hard links answer with one of these. */
const NO_LINKS = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK']);

/**
 * Lets `make` make a file under a name that nobody else has, and then gives it its own, durably: the
 * commit point. When anything fails before, nothing is left. `make` closes the file it makes.
 * @throws FILE_EXISTS, I/O codes, and what `make` throws
 */
export async function makeWhole<T>(
  path: string,
  make: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.partial-${randomBytes(6).toString('hex')}`;
  try {
    const result = await make(temporary);
    await publish(temporary, path);
    return result;
  } catch (error) {
    throw isTidemarkError(error) ? nameAs(path, temporary, error) : error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The temporary name means nothing to a user, and is gone. */
function nameAs(path: string, temporary: string, error: TidemarkError): TidemarkError {
  const { where, ...context } = error.context;
  return new TidemarkError(
    error.code,
    error.message.replaceAll(temporary, path),
    { ...context, ...(where !== undefined && { where: where.replaceAll(temporary, path) }) },
    error.cause,
  );
}

/** Gives a file its name, durably, unless something else has it. @throws FILE_EXISTS, I/O codes */
export async function publish(temporary: string, path: string): Promise<void> {
  try {
    // Not rename: that would put it over a file made meanwhile.
    await link(temporary, path).catch(async (cause: NodeJS.ErrnoException) => {
      if (!NO_LINKS.has(cause.code ?? '')) throw cause;
      await reserve(path);
      await rename(temporary, path);
    });
    await syncFolder(dirname(path));
  } catch (error) {
    throw fromSystemError(error, path);
  }
}

/** Takes the name if it is free. */
async function reserve(path: string): Promise<void> {
  const file = await open(path, 'wx');
  await file.close();
}

/** What was named in a folder, or lost its name, is durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
