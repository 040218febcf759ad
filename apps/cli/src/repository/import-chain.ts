import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { BlockDevice } from '@tidemark/block';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { type Drive, type DriveFormat, resolveBackingName } from '@tidemark/drive';
import { backUpDrives, type Repository } from '@tidemark/repository';
import { idOf } from '../back-up.ts';
import { longWork } from '../long-work.ts';
import { withDrive } from '../session.ts';
import type { RepositoryFlags } from './flags.ts';
import { withRepository } from './open-place.ts';

interface Flags extends RepositoryFlags {
  readonly driveId?: string;
  readonly format?: DriveFormat;
}

/** Bytes. */
const GRANULARITY = 65_536;
const MAX_LAYERS = 200;

/** An image of a chain. */
interface Layer {
  readonly path: string;
  readonly format: DriveFormat | undefined;
}

export interface ImportedImage {
  readonly image: string;
  readonly point: number;
  readonly kind: 'full' | 'incremental';
  /** It was imported at another time. */
  readonly wasThere: boolean;
}

/**
 * Makes a restore point of each image of a backing chain, from the lowest to the one that is named: what
 * QEMU's own incremental backup leaves. Of an image with another one behind it only what is in it is
 * read. Images that were imported before, and are as they were, are passed over.
 * @throws IMAGE_CORRUPT (a circle), and what images and repository throw
 */
export async function importChain(
  place: string,
  top: string,
  { driveId, format, ...flags }: Flags,
): Promise<readonly ImportedImage[]> {
  const layers = await layersOf({ path: top, format });
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

/** From the lowest to the one that is named. */
async function layersOf(top: Layer): Promise<readonly Layer[]> {
  const layers: Layer[] = [];
  for (let layer: Layer | undefined = top; layer !== undefined;) {
    if (layers.length >= MAX_LAYERS) {
      const text = `'${top.path}' has more than ${MAX_LAYERS} images behind it, or they are a circle`;
      const hint = 'give the image another backing file (qemu-img rebase -u)';
      throw new TidemarkError('IMAGE_CORRUPT', text, { where: top.path, hint });
    }
    layers.unshift(layer);
    layer = await backingOf(layer);
  }
  return layers;
}

async function backingOf(layer: Layer): Promise<Layer | undefined> {
  return withDrive(layer.path, formatOf(layer), { access: 'read' }, async ({ image }) => {
    const backing = image?.info.backing;
    if (backing === undefined) return undefined;
    const path = resolveBackingName(backing.name, layer.path);
    const { format } = backing;
    return { path, format: format === 'raw' || format === 'qcow2' ? format : undefined };
  });
}

function formatOf({ format }: Layer): { readonly format?: DriveFormat } {
  return format === undefined ? {} : { format };
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
  const session = { access: 'read', content: true } as const;
  return withDrive(layer.path, formatOf(layer), session, async (drive) => {
    const source = drive.device;
    const { id, checkpoint, below } = about;
    const content = await contentOf(source, drive, below !== undefined);
    // It stands for a bitmap that was cleared when the image below was complete.
    const bitmap = { name: CHAIN, content, checkpoint: below, onDurable: async () => {} };
    const identity = { id, label: basename(id), format: 'qcow2' };
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
