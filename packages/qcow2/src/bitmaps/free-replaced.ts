import { reclaim, type ReclaimOptions } from './reclaim.ts';

interface Replaced extends Omit<ReclaimOptions, 'onLeak'> {
  /** Told of clusters that could not be given back. */
  readonly onNotice: (message: string) => void;
}

/**
 * Gives back a directory that was replaced, durably, and what only it pointed to. The bitmaps are as
 * they were asked to be, so what cannot be given back is no failure.
 */
export async function freeReplaced({ onNotice, ...options }: Replaced): Promise<void> {
  const { image, oldDirectory } = options;
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
