import { TidemarkError } from '@tidemark/core';
import type { NbdBitmap } from '@tidemark/nbd';
import type { TrackedDrive } from '@tidemark/tracking';
import { refusal } from '../errors.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import type { BitmapReference } from './export-options.ts';

/** Bitmaps that an export shows. Nobody changes them as long as it does. */
export class ExportedBitmaps {
  readonly readers: readonly NbdBitmap[];
  readonly #letGo: readonly (() => void)[];

  private constructor(readers: readonly NbdBitmap[], letGo: readonly (() => void)[]) {
    this.readers = readers;
    this.#letGo = letGo;
  }

  /** @throws USAGE, BITMAP_NOT_FOUND, BITMAP_BUSY, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED */
  static async hold(
    references: readonly BitmapReference[],
    about: {
      readonly node: BlockNode;
      readonly isReadOnly: boolean;
      readonly find: (name: string) => BlockNode | undefined;
    },
  ): Promise<ExportedBitmaps> {
    const readers: NbdBitmap[] = [];
    const letGo: (() => void)[] = [];
    const seen = new Set<string>();
    try {
      for (const reference of references) {
        const { drive, name } = await locate(reference, about);
        // QEMU takes a name that is given twice, too.
        const key = `${drive.label}/${name}`;
        if (seen.has(key)) continue;
        seen.add(key);
        letGo.push(await drive.hold(name));
        readers.push(drive.readers().find((reader) => reader.name === name)!);
      }
      return new ExportedBitmaps(readers, letGo);
    } catch (error) {
      for (const release of letGo) release();
      throw error;
    }
  }

  release(): void {
    for (const release of this.#letGo) release();
  }
}

type About = Parameters<typeof ExportedBitmaps.hold>[1];

async function locate(
  reference: BitmapReference,
  { node, isReadOnly, find }: About,
): Promise<{ readonly drive: TrackedDrive; readonly name: string }> {
  if (typeof reference !== 'string') {
    const named = find(reference.node);
    if (named === undefined) throw refusal(`Node '${reference.node}' not found`);
    return { drive: await named.drive(), name: reference.name };
  }
  for (let at: BlockNode | undefined = node; at !== undefined; at = at.backing) {
    const drive = await at.drive();
    const info = (await drive.list()).find(({ name }) => name === reference);
    if (info === undefined) continue;
    if (info.recording && isReadOnly && at.disk.writable) {
      throw refusal(`Enabled bitmap '${reference}' incompatible with readonly export`);
    }
    return { drive, name: reference };
  }
  throw new TidemarkError('BITMAP_NOT_FOUND', `Bitmap '${reference}' is not found`, {
    bitmap: reference,
  });
}
