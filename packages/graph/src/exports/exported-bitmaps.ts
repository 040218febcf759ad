import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { NbdBitmap } from '@tidemark/nbd';
import type { BitmapReader, TrackedDrive } from '@tidemark/tracking';
import { refusal } from '../errors.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import type { BitmapReference } from './export-options.ts';

/** A bitmap that an export shows, of whichever drive its node has now. */
class HeldBitmap implements NbdBitmap {
  readonly name: string;
  readonly reference: BitmapReference;
  #reader: BitmapReader | undefined;
  #letGo: () => void = () => {};

  constructor(name: string, reference: BitmapReference) {
    this.name = name;
    this.reference = reference;
  }

  async hold(drive: TrackedDrive): Promise<void> {
    this.#letGo = await drive.hold(this.name);
    this.#reader = drive.readers().find(({ name }) => name === this.name)!;
  }

  /** @throws as `BitmapReader.content`, and where the drive has it no more */
  content(): DirtyBitmap | Promise<DirtyBitmap> {
    if (this.#reader === undefined) throw notFound(this.name);
    return this.#reader.content();
  }

  release(): void {
    this.#letGo();
    this.#letGo = () => {};
    this.#reader = undefined;
  }
}

/** Bitmaps that an export shows. Nobody changes them as long as it does. */
export class ExportedBitmaps {
  readonly readers: readonly NbdBitmap[];
  readonly #held: readonly HeldBitmap[];
  readonly #about: About;

  private constructor(held: readonly HeldBitmap[], about: About) {
    this.readers = held;
    this.#held = held;
    this.#about = about;
  }

  /** @throws USAGE, BITMAP_NOT_FOUND, BITMAP_BUSY, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED */
  static async hold(
    references: readonly BitmapReference[],
    about: About,
  ): Promise<ExportedBitmaps> {
    const held: HeldBitmap[] = [];
    const seen = new Set<string>();
    try {
      for (const reference of references) {
        const { drive, name } = await locate(reference, about);
        // QEMU takes a name that is given twice, too.
        const key = `${drive.label}/${name}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const bitmap = new HeldBitmap(name, reference);
        await bitmap.hold(drive);
        held.push(bitmap);
      }
      return new ExportedBitmaps(held, about);
    } catch (error) {
      for (const bitmap of held) bitmap.release();
      throw error;
    }
  }

  /**
   * Once the node has been opened anew, with the same bitmaps.
   * @throws the first thing that is wrong: that bitmap is shown no more
   */
  async holdAgain(): Promise<void> {
    const problems: unknown[] = [];
    for (const bitmap of this.#held) {
      bitmap.release();
      try {
        const { drive } = await locate(bitmap.reference, this.#about);
        await bitmap.hold(drive);
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw problems[0];
  }

  release(): void {
    for (const bitmap of this.#held) bitmap.release();
  }
}

interface About {
  readonly node: BlockNode;
  readonly isReadOnly: boolean;
  readonly find: (name: string) => BlockNode | undefined;
}

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
    const info = (await drive.states()).find(({ name }) => name === reference);
    if (info === undefined) continue;
    if (info.recording && isReadOnly && at.disk.writable) {
      throw refusal(`Enabled bitmap '${reference}' incompatible with readonly export`);
    }
    return { drive, name: reference };
  }
  throw notFound(reference);
}

function notFound(bitmap: string): TidemarkError {
  return new TidemarkError('BITMAP_NOT_FOUND', `Bitmap '${bitmap}' is not found`, { bitmap });
}
