import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BlockDevice, fromSystemError, openFileDevice } from '@tidemark/block';

/** Not `/tmp`, which may be in memory: what is kept can be as large as a drive. */
const USUAL_FOLDER = '/var/tmp';

export interface ScratchOptions {
  /** Bytes. */
  readonly size: number;
  /** Where it lies. Default: `TMPDIR`, else `/var/tmp`. */
  readonly folder?: string | undefined;
}

/**
 * Room for what a drive held before it was overwritten. It has no name, so it is gone with the
 * process; it takes as much space as was copied.
 * @throws FILE_NOT_FOUND, PERMISSION_DENIED, NO_SPACE, IO_FAILED
 */
export async function openScratch({ size, folder }: ScratchOptions): Promise<BlockDevice> {
  return inPrivateFolder(folder ?? process.env['TMPDIR'] ?? USUAL_FOLDER, (own) =>
    openFileDevice(join(own, 'scratch'), {
      writable: true,
      create: 'exclusive',
      size,
      lock: false,
      temporary: true,
      label: `scratch file in ${own}`,
    }),
  );
}

/** In a folder that nobody else can look into, and that is gone afterwards. */
async function inPrivateFolder<T>(parent: string, work: (folder: string) => Promise<T>) {
  const own = await mkdtemp(join(parent, 'tidemark-view-')).catch((error: unknown) => {
    throw fromSystemError(error, parent);
  });
  try {
    return await work(own);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
