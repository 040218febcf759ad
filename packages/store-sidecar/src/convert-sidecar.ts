import { type DirectoryEntry, DirtyBitmap, TidemarkError } from '@tidemark/core';
import { BitmapDirectory } from '@tidemark/qcow2';
import { assertWholeSectors } from './create-sidecar.ts';
import { clusterSizeFor } from './data-file/cluster-size.ts';
import { openSession, type SidecarSession, type SidecarSessionOptions } from './sidecar-session.ts';

/** Of `convertSidecar`: which kind the sidecar is to be of. */
export interface ConvertSidecarOptions extends SidecarSessionOptions {
  /** See `CreateSidecarOptions`. Absent: the sidecar is for bitmaps alone from now on. */
  readonly dataFile?: { readonly name: string };
}

/**
 * Makes a sidecar one that QEMU can run on, or one for bitmaps alone, with the same bitmaps: the other
 * image is laid out behind the present one, and one write of sector 0, the commit point, puts it in
 * its place. Bitmaps that are not trusted stay inconsistent. Closes the sidecar's device, unless
 * opening it fails. @throws as `openSidecarStore`; BITMAP_UNSUPPORTED, OUT_OF_RANGE, NO_SPACE
 */
export async function convertSidecar(options: ConvertSidecarOptions): Promise<void> {
  const { drive, dataFile } = options;
  if (dataFile !== undefined) assertWholeSectors(drive.size);
  const session = await openSession(options);
  try {
    await convert(session, dataFile);
  } finally {
    await session.image.close();
  }
}

async function convert(
  session: SidecarSession,
  dataFile: ConvertSidecarOptions['dataFile'],
): Promise<void> {
  const { drive, image, binding } = session;
  const entries = session.entries.map(asLeft);
  const contents = await readContents(session);
  const control = await binding.prepare(entries);
  const clusterSize = clusterSizeFor(drive.size, dataFile !== undefined);
  await image.replace({ clusterSize, dataFile }, async (draft) => {
    const directory = await BitmapDirectory.open({ image: draft, diskSize: drive.size });
    await directory.replace(entries, contents, { control });
  });
}

/** Nobody records in it: what is in use was left so. */
function asLeft({ live: _, ...entry }: DirectoryEntry): DirectoryEntry {
  return entry;
}

async function readContents({
  label,
  drive,
  directory,
  entries,
}: SidecarSession): Promise<ReadonlyMap<string, DirtyBitmap>> {
  const contents = new Map<string, DirtyBitmap>();
  for (const { name, granularity, inUse, unsupported } of entries) {
    if (unsupported !== undefined) {
      throw new TidemarkError('BITMAP_UNSUPPORTED', `bitmap '${name}' ${unsupported}`, {
        where: label,
        bitmap: name,
        hint: 'remove the bitmap first',
      });
    }
    contents.set(
      name,
      inUse ? allDirty(drive.size, granularity) : await directory.readContent(name),
    );
  }
  return contents;
}

/** Of an inconsistent bitmap nothing is known, and nobody may read it. */
function allDirty(diskSize: number, granularity: number): DirtyBitmap {
  const content = new DirtyBitmap(diskSize, granularity);
  content.set(0, diskSize);
  return content;
}
