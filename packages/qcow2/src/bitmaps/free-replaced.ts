import { reclaim, type ReclaimOptions } from './reclaim.ts';
import type { UnreadBitmaps } from './unread-bitmaps.ts';

interface Replaced extends Omit<ReclaimOptions, 'onLeak'> {
  /** Told of clusters that could not be given back. */
  readonly onNotice: (message: string) => void;
  /** Reads what somebody may still ask for. */
  readonly unread: Pick<UnreadBitmaps, 'keepAll'>;
}

/**
 * Gives back a directory that was replaced, durably, and what only it pointed to. The bitmaps are as
 * they were asked to be, so what cannot be given back is no failure.
 */
export async function freeReplaced(replaced: Replaced): Promise<void> {
  const { onNotice, unread, ...options } = replaced;
  const { image, oldDirectory, dropped } = options;
  await unread.keepAll(dropped.map(({ name }) => name));
  const leaked = (what: string, error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    onNotice(
      `${image.label}: the space of ${what} was not given back: ${why}; ` +
        "'qemu-img check -r leaks' does that",
    );
  };
  if (oldDirectory !== undefined) {
    const { directoryOffset, directorySize } = oldDirectory;
    await image
      .free(directoryOffset, Math.ceil(directorySize / image.clusterSize))
      .catch((error: unknown) => leaked('the old bitmap directory', error));
  }
  await reclaim({ ...options, onLeak: ({ name }, why) => leaked(`bitmap '${name}'`, why) });
}
