import type { ImageMetadata, Qcow2Image } from '@tidemark/qcow2';
import { hintLine, ImgFailure } from '../failure.ts';
import type { Image } from './open-image.ts';

/** @throws USAGE for a sidecar: who writes it as an image bypasses what it knows of its drive */
export function refuseSidecar(path: string, { metadata }: Qcow2Image): void {
  if (!isSidecar(metadata)) return;
  const commands = "'tidemark bitmap' for its bitmaps, 'tidemark sidecar resize' for its size";
  throw new ImgFailure(`'${path}' is the sidecar of a raw drive, and no image to be written`, {
    after: hintLine(`name the drive, and use ${commands}`),
  });
}

/** @throws USAGE for a sidecar: without its drive nobody knows whether its bitmaps are the truth */
export function refuseSidecarBitmaps({ path, qcow2 }: Image): void {
  if (qcow2 === undefined || !isSidecar(qcow2.metadata)) return;
  throw new ImgFailure(`'${path}' is a sidecar, and its drive is not looked at here`, {
    after: hintLine("name the drive, and use 'tidemark bitmap merge'"),
  });
}

function isSidecar({ control }: ImageMetadata): boolean {
  return control !== undefined && 'control' in control && control.control.kind === 'sidecar';
}
