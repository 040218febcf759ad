import { TidemarkError } from '@tidemark/core';
import { unsupported } from '../errors.ts';
import { l1EntriesFor, TABLE_ENTRY_SIZE } from '../geometry.ts';
import { headerGeometry, type ImageHeader } from '../header/image-header.ts';
import { ExtensionType, Limit } from '../header/spec.ts';
import type { ImageMetadata } from '../image-metadata.ts';
import type { ImageState } from '../image-state.ts';
import { withDataFile } from './data-file.ts';
import { DraftImage } from './draft-image.ts';

export interface ReplaceImageOptions {
  /** Bytes: a power of two, 512 to 2 MiB. */
  readonly clusterSize: number;
  /** The disk is this raw file from now on. Undefined: nothing is known of its content. */
  readonly dataFile: { readonly name: string } | undefined;
}

/**
 * Puts another image of the same size in the place of one that is there for its metadata: `fill`
 * puts bitmaps into it, in one change, which is the commit point. @throws IMAGE_UNSUPPORTED,
 * OUT_OF_RANGE, NO_SPACE, I/O codes, and what `fill` throws: the old image is there, or the new one
 */
export async function replaceImage(
  state: ImageState,
  options: ReplaceImageOptions,
  fill: (draft: ImageMetadata) => Promise<void>,
): Promise<void> {
  const { file, owner } = state;
  await state.prepareToWrite();
  const layout = layoutOf(file.label, owner.header, options);
  await state.mutex.run(() => state.writeBack());
  const draft = new DraftImage({ file, owner, layout });
  await fill(draft);
  if (!draft.isCommitted) throw new TypeError('nothing was put into the new image');
  // The new image is durable. That the old one still takes up space is no failure.
  await draft.dropOldImage().catch(() => {});
}

function layoutOf(
  where: string,
  header: ImageHeader,
  { clusterSize, dataFile }: ReplaceImageOptions,
): ImageHeader {
  if (header.version < 3 || header.snapshotCount > 0) {
    const what = header.version < 3 ? 'of version 2' : 'with snapshots';
    throw unsupported(where, `an image ${what} is no sidecar to convert`, 'make another one');
  }
  const clusterBits = Math.log2(clusterSize);
  const geometry = headerGeometry({ ...header, clusterBits });
  if (l1EntriesFor(header.virtualSize, geometry) * TABLE_ENTRY_SIZE > Limit.l1Bytes) {
    throw new TidemarkError('OUT_OF_RANGE', `a disk of ${header.virtualSize} bytes`, {
      where,
      hint: 'use larger clusters',
    });
  }
  const extensions = header.extensions.filter(({ type }) => type !== ExtensionType.backingFormat);
  const plain = {
    ...header,
    clusterBits,
    extensions,
    backing: undefined,
    backingFormat: undefined,
  };
  return withDataFile(plain, dataFile);
}
