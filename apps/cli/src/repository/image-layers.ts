import type { BlockDevice } from '@tidemark/block';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { type Drive, type DriveFormat, resolveBackingName } from '@tidemark/drive';
import { withDrive } from '../session.ts';
import type { Layer } from './import-chain.ts';

/** Bytes. */
const GRANULARITY = 65_536;
const MAX_LAYERS = 200;

/** An image of a chain. */
interface Image {
  readonly path: string;
  readonly format: DriveFormat | undefined;
}

/** Images of a backing chain, from the lowest to the one that is named. @throws IMAGE_CORRUPT: a circle */
export async function imageLayers(
  path: string,
  format: DriveFormat | undefined,
): Promise<readonly Layer[]> {
  const images = await imagesOf({ path, format });
  return images.map((image, index) => ({
    path: image.path,
    open: (work) => {
      const session = { access: 'read', content: true } as const;
      return withDrive(image.path, formatOf(image), session, async (drive) => {
        const content = await contentOf(drive.device, drive, index > 0);
        return work({ source: drive.device, format: 'qcow2', content });
      });
    },
  }));
}

async function imagesOf(top: Image): Promise<readonly Image[]> {
  const images: Image[] = [];
  for (let image: Image | undefined = top; image !== undefined;) {
    if (images.length >= MAX_LAYERS) {
      const text = `'${top.path}' has more than ${MAX_LAYERS} images behind it, or they are a circle`;
      const hint = 'give the image another backing file (qemu-img rebase -u)';
      throw new TidemarkError('IMAGE_CORRUPT', text, { where: top.path, hint });
    }
    images.unshift(image);
    image = await backingOf(image);
  }
  return images;
}

async function backingOf(of: Image): Promise<Image | undefined> {
  return withDrive(of.path, formatOf(of), { access: 'read' }, async ({ image }) => {
    const backing = image?.info.backing;
    if (backing === undefined) return undefined;
    const path = resolveBackingName(backing.name, of.path);
    const { format } = backing;
    return { path, format: format === 'raw' || format === 'qcow2' ? format : undefined };
  });
}

function formatOf({ format }: Image): { readonly format?: DriveFormat } {
  return format === undefined ? {} : { format };
}

/** What is in the image itself, or all of it. */
async function contentOf(
  device: BlockDevice,
  { image }: Drive,
  isOverlay: boolean,
): Promise<DirtyBitmap> {
  const content = new DirtyBitmap(device.size, GRANULARITY);
  if (!isOverlay || image === undefined) {
    content.setAll();
    return content;
  }
  for await (const { offset, length, depth } of device.extents(0, device.size)) {
    // Where it is not told whose it is, it counts as its own.
    if (depth === undefined || depth === 1) content.set(offset, length);
  }
  return content;
}
