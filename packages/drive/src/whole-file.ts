import { randomBytes } from 'node:crypto';
import { link, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromSystemError } from '@tidemark/block';

/** File systems without hard links answer with one of these. */
const NO_LINKS = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK']);

/** A name beside `path` for a file that is not whole yet. Nobody else has it. */
export function temporaryName(path: string): string {
  return `${path}.partial-${randomBytes(6).toString('hex')}`;
}

/**
 * Gives a file that is whole and durable its name, durably: the commit point. The temporary name
 * may stay too; the caller removes it. @throws FILE_EXISTS, I/O codes
 */
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

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
