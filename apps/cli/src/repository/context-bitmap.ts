import type { BackupBitmap } from '@tidemark/backup';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import type { DriveToBackUp } from '@tidemark/repository';
import { idOf } from '../back-up.ts';
import { checkpointNamed } from './checkpoint-named.ts';

/** What a server tells of a bitmap is not told with its granularity. Bytes. */
const GRANULARITY = 65_536;

/** A drive on a server, with a bitmap of the server's. */
export interface ServedBitmap {
  /** Address of the export. */
  readonly uri: string;
  /** As the server calls it. Absent: nothing is to be followed yet. */
  readonly bitmap?: string | undefined;
  /** The bitmap that began where the export stands still; its owner's affair. */
  readonly begins?: string | undefined;
  readonly driveId?: string | undefined;
}

/**
 * Runs `work` on an export that stands still, as QEMU's fleecing offers it, with what a bitmap of the server
 * calls dirty. The bitmap's name tells at which restore point it began; nothing on the server is changed.
 * @throws USAGE, BITMAP_NOT_FOUND: the export shows no such bitmap; as `connectNbd`
 */
export async function withServedBitmap<T>(
  { uri, bitmap: name, begins, driveId }: ServedBitmap,
  work: (drive: DriveToBackUp) => Promise<T>,
): Promise<T> {
  const checkpoint = name === undefined ? undefined : checkpointNamed(name);
  const contexts = name === undefined ? [] : [contextOf(name)];
  await using source = await connectNbd(uri, { contexts });
  if (name !== undefined && !source.contexts.includes(contextOf(name))) throw notShown(uri, name);
  const known =
    name === undefined
      ? nothing(source, begins!)
      : { name, content: await readBitmap(source, name, GRANULARITY) };
  const id = driveId ?? (await idOf(uri));
  const successor = begins === undefined ? undefined : succeed(begins);
  const bitmap: BackupBitmap = { ...known, checkpoint, successor, onDurable: async () => {} };
  const drive = { id, label: id, format: 'raw' };
  return await work({ source, drive, bitmap, differential: begins === undefined });
}

function nothing({ size }: NbdDevice, begins: string) {
  const content = new DirtyBitmap(size, GRANULARITY);
  return { name: begins, content, whyFull: 'no bitmap of the server was named' };
}

function succeed(begins: string) {
  return { nameAt: () => begins, granularity: GRANULARITY };
}

export function contextOf(name: string): string {
  return `qemu:dirty-bitmap:${name}`;
}

/** `granularity`: of what is returned; what is dirty in part is dirty. Bytes. */
export async function readBitmap(
  source: NbdDevice,
  name: string,
  granularity: number,
): Promise<DirtyBitmap> {
  const bits = new DirtyBitmap(source.size, granularity);
  const context = contextOf(name);
  for await (const { offset, length, flags } of source.contextExtents(context, 0, source.size)) {
    if ((flags & 1) !== 0) bits.set(offset, length);
  }
  return bits;
}

function notShown(where: string, bitmap: string): TidemarkError {
  const text = `'${where}' shows no bitmap '${bitmap}'`;
  const hint = 'export the drive with that bitmap (block-export-add with bitmaps, qemu-nbd -B)';
  return new TidemarkError('BITMAP_NOT_FOUND', text, { where, bitmap, hint });
}
