import type { SidecarKind } from '@tidemark/store-sidecar';
import { openRecordingDrive } from '../open-recording-drive.ts';
import { convertDriveSidecar } from './change.ts';
import { describeDriveSidecar } from './describe.ts';
import { type SidecarOptions, withRawDrive, withSidecar } from './with-sidecar.ts';

/** What `resizeDriveSidecar` did to a raw drive and its sidecar. */
export interface ResizedDrive {
  readonly drive: string;
  readonly sidecar: string;
  readonly kind: SidecarKind;
  /** Bytes, before and now. */
  readonly from: number;
  readonly to: number;
}

/**
 * Gives a raw drive and its sidecar another size: what is added is dirty in every bitmap, what is cut
 * off is gone. A sidecar that QEMU runs on is one for bitmaps alone meanwhile, since its map has to be
 * of the new size; after a cut in between it is left so, and both sizes fit.
 * @throws DEVICE_UNSUPPORTED (a block device), OUT_OF_RANGE, and as `openRecordingDrive`
 */
export async function resizeDriveSidecar(
  path: string,
  options: SidecarOptions & { readonly size: number },
): Promise<ResizedDrive> {
  const { size, sidecar, onNotice } = options;
  const from = await withRawDrive(path, options, async ({ drive }) => drive.device.size);
  const { kind, sidecar: sidecarPath } = await describeDriveSidecar(path, options);
  // Found out before anything is changed.
  await withSidecar(path, options, async () => {});
  if (kind === 'data-file') await convertDriveSidecar(path, { ...options, kind: 'plain' });
  const drive = await openRecordingDrive(path, {
    format: 'raw',
    ...(sidecar !== undefined && { sidecar }),
    ...(onNotice && { onNotice }),
  });
  try {
    await drive.device.resize(size);
  } finally {
    await drive.close();
  }
  if (kind === 'data-file') await convertDriveSidecar(path, { ...options, kind });
  return { drive: path, sidecar: sidecarPath, kind, from, to: size };
}
