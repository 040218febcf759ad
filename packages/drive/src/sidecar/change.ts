import { stat } from 'node:fs/promises';
import {
  adoptSidecar,
  type Adoption,
  convertSidecar,
  lendSidecar,
  readDataFile,
  type SidecarKind,
} from '@tidemark/store-sidecar';
import { dataFileNameOf, type SidecarReport } from './create.ts';
import { type SidecarOptions, withSidecar } from './with-sidecar.ts';

/**
 * Makes a drive's sidecar one that QEMU can run on, or one for bitmaps alone, with all its bitmaps.
 * `isChanged`: it was another one. @throws as `convertSidecar`, `withSidecar`
 */
export async function convertDriveSidecar(
  path: string,
  options: SidecarOptions & { readonly kind: SidecarKind },
): Promise<SidecarReport & { readonly isChanged: boolean }> {
  const { kind } = options;
  return withSidecar(path, options, async (found) => {
    const { drive, file, sidecarPath, session } = found;
    const before = (await readDataFile(file)) === undefined ? 'plain' : 'data-file';
    const dataFile = kind === 'data-file' ? { name: await dataFileNameOf(found) } : undefined;
    if (before !== kind) await convertSidecar({ ...session, ...(dataFile && { dataFile }) });
    const { size } = await stat(sidecarPath);
    const isChanged = before !== kind;
    const diskSize = drive.device.size;
    return { drive: path, sidecar: sidecarPath, kind, diskSize, size, isChanged };
  });
}

/** What `lendDriveSidecar` did: QEMU may run on the sidecar from here on. */
export interface LentSidecar {
  readonly drive: string;
  readonly sidecar: string;
  /** Bitmaps that are trusted when QEMU gives the drive back. */
  readonly bitmaps: readonly string[];
  /** Those that are not, whatever QEMU does, and why. */
  readonly inconsistent: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Hands a drive to QEMU, see `lendSidecar`. What the sidecar calls its drive is put right.
 * @throws as `lendSidecar`, `withSidecar`
 */
export async function lendDriveSidecar(
  path: string,
  options: SidecarOptions = {},
): Promise<LentSidecar> {
  return withSidecar(path, options, async (found) => {
    const name = await dataFileNameOf(found);
    const entries = await lendSidecar({ ...found.session, name });
    return {
      drive: path,
      sidecar: found.sidecarPath,
      bitmaps: entries.filter(({ inUse }) => !inUse).map(({ name }) => name),
      inconsistent: entries
        .filter(({ inUse }) => inUse)
        .map(({ name, reason = 'it was left in use' }) => ({ name, reason })),
    };
  });
}

/**
 * Trusts a drive's bitmaps by the word of a user, see `adoptSidecar`. What the sidecar calls its drive
 * is put right. @throws as `adoptSidecar`, `withSidecar`
 */
export async function adoptDriveSidecar(
  path: string,
  options: SidecarOptions & { readonly answersFor: 'ctime' | 'content' },
): Promise<Adoption & { readonly drive: string; readonly sidecar: string }> {
  return withSidecar(path, options, async (found) => {
    const { session, sidecarPath } = found;
    const { answersFor } = options;
    const name = await dataFileNameOf(found);
    const adoption = await adoptSidecar({ ...session, answersFor, name });
    return { ...adoption, drive: path, sidecar: sidecarPath };
  });
}
