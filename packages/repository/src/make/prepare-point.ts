import type { Granules } from '@tidemark/backup/parts';
import { isTidemarkError } from '@tidemark/core';
import { BlobReader } from '../blobs/blob-reader.ts';
import { BlobWriter } from '../blobs/blob-writer.ts';
import type { PointManifest, PointTotals } from '../format/manifest.ts';
import { MapWriter } from '../map/map-writer.ts';
import type { Repository } from '../repository.ts';
import type { PreparedPoint } from './commit-points.ts';
import type { Copied } from './chunk-placer.ts';
import { copyDrive } from './copy-drive.ts';
import { openTries } from './tries.ts';
import { hasParts, partsOf, type Task } from './drive-to-back-up.ts';
import type { ChunkMemory } from './hashing/chunk-memory.ts';
import type { Meter } from './meter.ts';
import type { RateLimit } from './rate-limit.ts';

export interface PrepareOptions {
  readonly repository: Repository;
  readonly memory: ChunkMemory;
  readonly rate: RateLimit | undefined;
  readonly meter: Meter;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes all that a point needs durable, and shows it to nobody. A parent whose map cannot be read is
 * no parent: the point is a full one then, and says so.
 */
export async function preparePoint(task: Task, options: PrepareOptions): Promise<PreparedPoint> {
  const { parent, granularity } = task.plan;
  try {
    return await prepare(task, options);
  } catch (error) {
    if (parent === undefined || !isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;
    options.repository.forgetIndex();
    const why = error.message.slice(0, 1000);
    const reason = `the chain of restore point ${parent.number} is broken: ${why}`;
    return prepare({ ...task, plan: { reason, granularity } }, options);
  }
}

const NOTHING: PointTotals = { looked: 0, read: 0, zero: 0, fresh: 0, storedBytes: 0 };

async function prepare(task: Task, options: PrepareOptions): Promise<PreparedPoint> {
  const { repository, meter } = options;
  meter.next();
  if (!hasParts(task)) {
    // A drive of any size costs no more than its manifest, and no index is read.
    const { prunes } = await repository.readRoot();
    const map = task.plan.parent?.manifest.map ?? null;
    const manifest = describe(task, map, NOTHING);
    const id = await repository.putManifest(manifest);
    return { id, manifest, base: manifest.parent, packs: [], prunes };
  }
  const { blobs: index, prunes } = await repository.index();
  const { store, sealer, config } = repository;
  const blobs = new BlobWriter({ store, sealer, compression: config.compression, index });
  try {
    const reader = new BlobReader(store, sealer, index);
    const { map, copied } = await copy(task, options, { blobs, reader });
    await blobs.finish();
    const { freshBytes: fresh, storedBytes } = blobs;
    const manifest = describe(task, map, { ...copied, fresh, storedBytes });
    const id = await repository.putManifest(manifest);
    return { id, manifest, base: manifest.parent, packs: blobs.packsInUse(), prunes };
  } catch (error) {
    await blobs.abandon();
    throw error;
  }
}

async function copy(
  task: Task,
  { repository, memory, meter, rate, signal }: PrepareOptions,
  { blobs, reader }: { readonly blobs: BlobWriter; readonly reader: BlobReader },
): Promise<{ readonly map: string | null; readonly copied: Copied }> {
  const { source, plan } = task;
  const drive: Granules = { size: source.size, granularity: plan.granularity };
  const map = new MapWriter(drive, plan.parent?.manifest.map ?? null, {
    read: async (digest) => reader.read(digest),
    write: async (node) => blobs.addNode(node),
  });
  const copied = await copyDrive({
    ...(await openTries(repository, task)),
    source,
    drive,
    parts: partsOf(task),
    sealer: repository.sealer,
    memory,
    blobs,
    map,
    rate,
    signal,
    onProgress: (progress) => {
      meter.update(progress);
    },
  });
  return { map: await map.finish(), copied };
}

function describe(task: Task, map: string | null, totals: PointTotals): PointManifest {
  const { source, drive, plan, next, set } = task;
  return {
    created: (task.created ?? new Date()).toISOString(),
    kind: plan.parent === undefined ? 'full' : 'incremental',
    reason: plan.reason,
    parent: plan.parent?.id ?? null,
    drive: { id: drive.id, label: drive.label, format: drive.format, size: source.size },
    granularity: plan.granularity,
    bitmap: next,
    set,
    map,
    totals,
  };
}
