import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type CopiedIncrement, copyIncrement } from '@tidemark/backup';
import { DirtyBitmap, isTidemarkError, TidemarkError } from '@tidemark/core';
import { createWholeImage, type Drive } from '@tidemark/drive';
import { takeBitmap } from './back-up.ts';
import type { DriveFlags } from './flags.ts';
import { longWork } from './long-work.ts';
import { withDrive, withStore } from './session.ts';

interface Flags extends DriveFlags {
  readonly bitmap?: string;
  readonly differential?: boolean;
}

export interface IncrementImage extends CopiedIncrement {
  readonly image: string;
  /** Of the drive, in bytes. */
  readonly size: number;
  readonly bitmap: string | null;
  /** Of the bitmap that begins anew; null where none does. */
  readonly checkpoint: string | null;
}

const CLUSTER = 65_536;

/**
 * Writes what a bitmap calls dirty, or all of the drive, into a qcow2 image of its own. The image has
 * its name when it is whole and durable; then the drive is flushed, and only then the bitmap begins anew.
 */
export async function backUpToImage(
  path: string,
  image: string,
  flags: Flags,
): Promise<IncrementImage> {
  if (existsSync(image)) {
    const context = { where: image, hint: 'choose another path' };
    throw new TidemarkError('FILE_EXISTS', `'${image}' exists already`, context);
  }
  const { bitmap: name, differential } = flags;
  if (name === undefined) {
    return withDrive(path, flags, { access: 'read', content: true }, async (drive) => {
      const content = new DirtyBitmap(drive.device.size, CLUSTER);
      content.setAll();
      return { ...(await write(drive, image, content)), bitmap: null, checkpoint: null };
    });
  }
  const session = { access: differential ? 'read' : 'bitmaps', content: true } as const;
  return withStore(path, flags, session, async (store, { drive }) => {
    const { content, onDurable } = await takeBitmap(store, name);
    const written = await write(drive, image, content);
    if (differential) return { ...written, bitmap: name, checkpoint: null };
    const checkpoint = randomBytes(16).toString('hex');
    try {
      await drive.device.flush();
      await onDurable(checkpoint);
    } catch (cause) {
      throw notBegun(image, name, cause);
    }
    return { ...written, bitmap: name, checkpoint };
  });
}

async function write(drive: Drive, image: string, content: DirtyBitmap) {
  const { device: source } = drive;
  const about = { size: source.size, clusterSize: CLUSTER, expected: content.dirtyBytes };
  const copied = await createWholeImage(image, about, (target) =>
    longWork('backup', (signal, progress) =>
      copyIncrement({
        source,
        content,
        target,
        unit: CLUSTER,
        onProgress: ({ done, total }) => progress.update(done, total),
        signal,
      }),
    ),
  );
  return { image, size: source.size, ...copied };
}

function notBegun(image: string, bitmap: string, cause: unknown): TidemarkError {
  const code = isTidemarkError(cause) ? cause.code : 'IO_FAILED';
  const text = `'${image}' is complete, but bitmap '${bitmap}' did not begin anew`;
  const hint = 'remove it and run the backup again, or keep it: the next one has all of it too';
  return new TidemarkError(code, text, { where: image, bitmap, hint }, cause);
}
