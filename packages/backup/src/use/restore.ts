import type { BlockDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { throwIfCancelled } from '../cancel.ts';
import { type BackupDirectory, openBackupDirectory } from '../chain/backup-directory.ts';
import type { ChainLink } from '../chain/chain.ts';
import { checkIndexes, composeChain, type ComposedRun } from '../chain/compose.ts';
import type { FileSystem } from '../files/file-system.ts';
import { granuleBytes } from '../format/granules.ts';
import type { PointReference } from '../format/manifest.ts';
import { runInFlight } from './in-flight.ts';
import { cutRun, damagedData, damagedGranules, StoredData } from './stored-data.ts';
import { writeZeros } from './write-zeros.ts';

const IN_FLIGHT = 12;

/** Bytes of the drive. */
export interface RestoreProgress {
  readonly done: number;
  readonly total: number;
}

/** What `restore` writes, and where to. */
export interface RestoreOptions {
  /** Path of the backup directory. */
  readonly directory: string;
  /** Name or number of a restore point. Default: the newest. */
  readonly point?: string | undefined;
  /** Written whole; as large as the drive was. Flushed at the end, stays open. */
  readonly target: BlockDevice;
  /** The target reads as zeros, as a new image does: zeros are not written then. */
  readonly targetIsZero?: boolean | undefined;
  /**
   * Reads all of the data that is needed twice: before anything is written, every digest has been
   * checked. Without it manifests, indexes and sizes are checked first, the digests on the way.
   */
  readonly checkDataFirst?: boolean | undefined;
  readonly onProgress?: ((progress: RestoreProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default node:fs/promises. */
  readonly fs?: FileSystem | undefined;
}

/** The restore point that `restore` wrote, and how much that was. Bytes of the drive. */
export interface RestoreResult extends PointReference {
  /** Restore points that were composed. */
  readonly chainLength: number;
  readonly bytesWritten: number;
}

/**
 * Writes the drive as it was at a restore point. Wrong parents, gaps, other drives and damaged
 * manifests or indexes are refused before anything is written; data that fails its digest is never
 * written, but found on the way it leaves the target incomplete.
 * @throws BACKUP_NOT_FOUND, BACKUP_CORRUPT, BACKUP_PARENT_MISMATCH, BACKUP_DRIVE_MISMATCH (the
 *   target's size), CANCELLED, and what files and the target throw
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const directory = await openBackupDirectory(options.directory, { fs: options.fs });
  const chain = await directory.readChain(options.point);
  const last = chain.at(-1)!;
  checkTarget(options.target, last);
  await checkIndexes(directory.fs, chain);
  throwIfCancelled(options.signal);
  if (options.checkDataFirst === true) await checkData(directory, chain, options.signal);
  const bytesWritten = await write(directory, chain, options);
  await options.target.flush();
  return { point: last.name, digest: last.digest, chainLength: chain.length, bytesWritten };
}

function checkTarget(target: BlockDevice, { name, manifest }: ChainLink): void {
  const { size } = manifest.drive;
  if (target.size === size) return;
  throw new TidemarkError(
    'BACKUP_DRIVE_MISMATCH',
    `${target.label} has ${target.size} bytes, and the drive at '${name}' had ${size}`,
    { where: target.label, hint: `make the target ${size} bytes large` },
  );
}

async function* cutAll(runs: AsyncIterable<ComposedRun>): AsyncGenerator<ComposedRun> {
  for await (const { link, run } of runs) {
    if (run.kind === 'zero') yield { link, run };
    else for (const part of cutRun(run, link.manifest.granularity)) yield { link, run: part };
  }
}

async function readSound(data: StoredData, { link, run }: ComposedRun): Promise<Uint8Array> {
  const bytes = await data.read(link, run);
  for (const granule of damagedGranules(run, bytes, link.manifest.granularity)) {
    throw damagedData(link, granule);
  }
  return bytes;
}

/** Runs over the whole drive, several parts at a time, and hands each part to `visit`. */
async function visitAll(
  { fs }: BackupDirectory,
  chain: readonly ChainLink[],
  signal: AbortSignal | undefined,
  visit: (part: ComposedRun, data: StoredData) => Promise<void>,
): Promise<void> {
  const data = new StoredData(fs);
  try {
    await runInFlight(cutAll(composeChain(fs, chain)), IN_FLIGHT, async (part) => {
      throwIfCancelled(signal);
      await visit(part, data);
    });
  } finally {
    await data.close();
  }
}

async function checkData(
  directory: BackupDirectory,
  chain: readonly ChainLink[],
  signal: AbortSignal | undefined,
): Promise<void> {
  await visitAll(directory, chain, signal, async (part, data) => {
    if (part.run.kind === 'data') await readSound(data, part);
  });
}

async function write(
  directory: BackupDirectory,
  chain: readonly ChainLink[],
  { target, targetIsZero, onProgress, signal }: RestoreOptions,
): Promise<number> {
  const { drive, granularity } = chain.at(-1)!.manifest;
  let done = 0;
  let written = 0;
  await visitAll(directory, chain, signal, async (part, data) => {
    const { kind, first, count } = part.run;
    const offset = first * granularity;
    const length = granuleBytes({ size: drive.size, granularity }, first, count);
    if (kind === 'data') {
      await target.write(await readSound(data, part), offset);
      written += length;
    } else if (targetIsZero !== true) {
      await writeZeros(target, offset, length, signal);
    }
    done += length;
    onProgress?.({ done, total: drive.size });
  });
  return written;
}
