import { randomBytes } from 'node:crypto';
import { CheckpointFolder, type CheckpointPart, commitTogether } from '@tidemark/checkpoint';
import { checkGranularity, defaultGranularity, DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { Drive } from '@tidemark/drive';
import type { DriveFlags } from './flags.ts';
import { notice } from './output.ts';
import { type StoreSession, withStore } from './session.ts';

export interface CheckpointOptions extends Pick<DriveFlags, 'format'> {
  readonly bitmap: string;
  readonly checkpoints: string;
  readonly granularity?: number;
}

interface CheckpointedDrive {
  readonly drive: string;
  readonly store: string;
  readonly change: 'added' | 'cleared';
  /** Bytes. */
  readonly granularity: number;
}

export interface CheckpointResult {
  readonly checkpoint: string;
  readonly bitmap: string;
  readonly drives: readonly CheckpointedDrive[];
}

/** One instant of all drives: each is locked while the last one is opened, and until all is done. */
export async function checkpointDrives(
  paths: readonly string[],
  options: CheckpointOptions,
): Promise<CheckpointResult> {
  if (options.granularity !== undefined) checkGranularity(options.granularity);
  return withStores(paths, options, [], async (sessions) => {
    const set = randomBytes(16).toString('hex');
    const parts: Part[] = [];
    for (const session of sessions) parts.push(await planPart(session, set, options));
    const folder = new CheckpointFolder(options.checkpoints);
    await commitTogether(parts, { set, folder, onNotice: notice });
    const drives = parts.map(({ told }) => told);
    return { checkpoint: set, bitmap: options.bitmap, drives };
  });
}

async function withStores<T>(
  [path, ...others]: readonly string[],
  options: CheckpointOptions,
  opened: readonly StoreSession[],
  work: (sessions: readonly StoreSession[]) => Promise<T>,
): Promise<T> {
  if (path === undefined) return work(opened);
  const session = { access: 'bitmaps', create: true } as const;
  return withStore(path, options, session, async (store, { drive }) =>
    withStores(others, options, [...opened, { store, drive }], work),
  );
}

interface Part extends CheckpointPart {
  readonly told: CheckpointedDrive;
}

/** @throws BITMAP_INVALID: the bitmap does not record */
async function planPart(
  { store, drive }: StoreSession,
  set: string,
  { bitmap: name, granularity: wanted }: CheckpointOptions,
): Promise<Part> {
  const found = (await store.list()).find((info) => info.name === name);
  if (found?.enabled === false) throw disabled(store.label, name);
  const granularity = found?.granularity ?? wanted ?? granularityFor(drive);
  const content = new DirtyBitmap(store.diskSize, granularity);
  const change = { name, enabled: true, content, checkpoint: set } as const;
  const before = found?.checkpoint ?? null;
  return {
    store,
    changes: [{ op: found === undefined ? 'create' : 'store', ...change }],
    bitmaps: [{ change: 'put', name, granularity, enabled: true, before, after: set }],
    told: {
      drive: drive.path,
      store: store.label,
      change: found === undefined ? 'added' : 'cleared',
      granularity,
    },
  };
}

function granularityFor({ image }: Drive): number {
  return defaultGranularity(image?.info.clusterSize);
}

function disabled(where: string, bitmap: string): TidemarkError {
  const text = `bitmap '${bitmap}' of ${where} is disabled, and would miss what is written`;
  return new TidemarkError('BITMAP_INVALID', text, { where, bitmap, hint: 'enable it first' });
}
