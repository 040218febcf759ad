import { type DirectoryEntry, DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { BitmapDirectory } from '@tidemark/qcow2';
import type { Binding } from './binding/binding.ts';

export interface ResizedSidecar {
  readonly directory: BitmapDirectory;
  readonly binding: Binding;
  /** As they can be trusted. */
  readonly entries: readonly DirectoryEntry[];
  /** Bytes. */
  readonly driveSize: number;
  readonly label: string;
}

/** The bits of a bitmap, for a drive that has the size that it was to lose. */
export async function readForDrive(
  directory: BitmapDirectory,
  name: string,
  driveSize: number,
  options?: { readonly later?: boolean },
): Promise<DirtyBitmap> {
  const content = await directory.readContent(name, options);
  // Nothing is known of the part that the sidecar has not: a shrink had cut its bits off.
  if (content.diskSize !== driveSize) content.resize(driveSize, { grown: 'dirty' });
  return content;
}

/**
 * Takes back the resize of a sidecar whose drive did not come to be resized, in one durable step.
 * What is dirty stays so, and what was cut off is dirty.
 */
export async function takeResizeBack(sidecar: ResizedSidecar): Promise<void> {
  const { directory, binding, entries, driveSize, label } = sidecar;
  const contents = new Map<string, DirtyBitmap>();
  for (const entry of entries) {
    if (entry.unsupported !== undefined) throw notResizable(entry, label);
    // Nobody trusts its bits, and they have to fit all the same.
    const isLost = entry.inUse || entry.reason !== undefined;
    const content = isLost
      ? new DirtyBitmap(driveSize, entry.granularity)
      : await readForDrive(directory, entry.name, driveSize);
    contents.set(entry.name, content);
  }
  const control = await binding.prepare(entries);
  await directory.replace(entries, contents, { control, diskSize: driveSize });
  binding.committed(entries);
}

function notResizable({ name, unsupported }: DirectoryEntry, label: string): TidemarkError {
  return new TidemarkError(
    'SIDECAR_MISMATCH',
    `${label} is for a drive of another size, and bitmap '${name}' cannot be resized: it ` +
      `${unsupported}`,
    { where: label, bitmap: name, hint: 'make a new sidecar and begin with a full backup' },
  );
}
