import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DirtyBitmap } from '@tidemark/core';
import type { DriveFormat } from '@tidemark/drive';
import { backUpDrives, type DriveSource, type Repository } from '@tidemark/repository';
import { idOf } from '../back-up.ts';
import { longWork } from '../long-work.ts';
import type { RepositoryFlags } from './flags.ts';
import { imageLayers } from './image-layers.ts';
import { withRepository } from './open-place.ts';
import { isStream } from './virtnbdbackup/stream-file.ts';
import { streamLayers } from './virtnbdbackup/stream-layers.ts';

interface Flags extends RepositoryFlags {
  readonly driveId?: string;
  readonly format?: DriveFormat;
}

/** One of the files of a chain. */
export interface Layer {
  readonly path: string;
  open<T>(work: (opened: OpenLayer) => Promise<T>): Promise<T>;
}

interface OpenLayer {
  /** The disk as it was then. */
  readonly source: DriveSource;
  /** Of the drive that was backed up. */
  readonly format: string;
  /** What is not as it was in the layer below; all, of the lowest one. */
  readonly content: DirtyBitmap;
}

export interface ImportedImage {
  readonly image: string;
  readonly point: number;
  readonly kind: 'full' | 'incremental';
  /** It was imported at another time. */
  readonly wasThere: boolean;
}

/**
 * Makes a restore point of each file of a chain, from the lowest to the one that is named: images over
 * backing files, as QEMU's own incremental backup leaves them, or streams of virtnbdbackup. Of a file
 * with another one below it only what is in it is read. Files that were imported before, and are as they
 * were, are passed over.
 * @throws IMAGE_CORRUPT (a circle), BACKUP_PARENT_MISMATCH (a stream is missing), and what files and
 *   repository throw
 */
export async function importChain(
  place: string,
  top: string,
  { driveId, format, ...flags }: Flags,
): Promise<readonly ImportedImage[]> {
  const layers = (await isStream(top)) ? await streamLayers(top) : await imageLayers(top, format);
  const id = driveId ?? (await idOf(layers[0]!.path));
  return withRepository(place, flags, async (repository) => {
    const imported: ImportedImage[] = [];
    let below: string | undefined;
    for (const layer of layers) {
      const checkpoint = await checkpointOf(layer, below);
      const known = await findPoint(repository, id, checkpoint);
      imported.push(known ?? (await importLayer(repository, layer, { id, checkpoint, below })));
      below = checkpoint;
    }
    return imported;
  });
}

/** The same for the same image in the same state, over the same chain: so an import can go on. */
async function checkpointOf({ path }: Layer, below: string | undefined): Promise<string> {
  const real = await realpath(path);
  const { size, mtimeNs, ino } = await stat(real, { bigint: true });
  const facts = [real, size, mtimeNs, ino, below ?? ''].join('\n');
  return createHash('sha256').update(facts).digest('hex').slice(0, 32);
}

async function findPoint(
  repository: Repository,
  id: string,
  checkpoint: string,
): Promise<ImportedImage | undefined> {
  const { drives } = await repository.readRoot();
  const points = drives.find((drive) => drive.id === id)?.points ?? [];
  const point = points.find((each) => each.checkpoint === checkpoint);
  if (point === undefined) return undefined;
  const { bitmap, kind } = await repository.readManifest(point.id);
  return { image: bitmap!.name, point: point.number, kind, wasThere: true };
}

async function importLayer(
  repository: Repository,
  layer: Layer,
  about: { readonly id: string; readonly checkpoint: string; readonly below: string | undefined },
): Promise<ImportedImage> {
  const { mtime } = await stat(layer.path);
  return layer.open(async ({ source, format, content }) => {
    const { id, checkpoint, below } = about;
    // It stands for a bitmap that was cleared when the layer below was complete.
    const bitmap = { name: CHAIN, content, checkpoint: below, onDurable: async () => {} };
    const identity = { id, label: basename(id), format };
    const drives = [{ source, drive: identity, bitmap, created: mtime }];
    const [point] = await longWork('importing', (signal, progress) =>
      backUpDrives({
        repository,
        drives,
        checkpoint,
        signal,
        onProgress: ({ done, total }) => progress.update(done, total),
      }),
    );
    const { number, manifest } = point!;
    return { image: layer.path, point: number, kind: manifest.kind, wasThere: false };
  });
}

/** A bitmap's name in manifests; no drive has one of it. */
const CHAIN = 'backing chain';
