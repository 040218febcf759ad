import { type DirectoryEntry, TidemarkError } from '@tidemark/core';
import { nameDrive, openSession, rebind, type SidecarSessionOptions } from './sidecar-session.ts';

/** Of `lendSidecar`. */
export interface LendSidecarOptions extends SidecarSessionOptions {
  /** The drive's path, as QEMU is to open it, see `CreateSidecarOptions`. Default: as it is. */
  readonly name?: string;
}

/**
 * Hands a drive to QEMU: notes, durably, that from now on QEMU alone is going to write it, through
 * its sidecar, and how the drive is now. When the sidecar is opened again, bitmaps that QEMU has
 * stored are trusted, unless the drive was written after that. Closes the sidecar's device, unless
 * opening it fails. @returns the bitmaps as QEMU gets them
 * @throws as `openSidecarStore`; IMAGE_UNSUPPORTED: QEMU cannot run on this sidecar
 */
export async function lendSidecar(options: LendSidecarOptions): Promise<readonly DirectoryEntry[]> {
  const session = await openSession(options);
  try {
    if (session.image.dataMap === undefined) throw notForQemu(session.label);
    if (session.drive.facts === undefined || !session.image.metadata.hasRoomForControl) {
      throw nothingToNote(session.label);
    }
    await rebind(session, 'lent');
    if (options.name !== undefined) await nameDrive(session, options.name);
    return session.entries;
  } finally {
    await session.image.close();
  }
}

function notForQemu(where: string): TidemarkError {
  return new TidemarkError('IMAGE_UNSUPPORTED', `${where} is for bitmaps alone`, {
    where,
    hint: "convert it to one that QEMU can run on first ('tidemark sidecar convert')",
  });
}

function nothingToNote(where: string): TidemarkError {
  return new TidemarkError('DEVICE_UNSUPPORTED', `${where} cannot say how its drive is`, {
    where,
    hint: 'begin with a full backup after QEMU has run',
  });
}
