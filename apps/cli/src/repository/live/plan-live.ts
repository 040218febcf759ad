import { basename } from 'node:path';
import { type ChainBitmap, chainBitmapName, findInChain } from '@tidemark/backup/parts';
import type { DriveIdentity, PlannedBitmap } from '@tidemark/backup';
import { defaultGranularity, TidemarkError } from '@tidemark/core';
import type { QmpReply } from '@tidemark/qmp';
import { planPoint, type Repository, type Root } from '@tidemark/repository';
import { idOf } from '../../back-up.ts';
import type { RepositoryBackupFlags } from '../back-up-drives.ts';

export type LiveNode = QmpReply<'query-named-block-nodes'>[number];

/** How one live drive is backed up. */
export interface LivePlan {
  readonly node: string;
  /** Bytes. */
  readonly size: number;
  readonly identity: DriveIdentity;
  /** What the backup follows, without its bits; absent where none is to be followed. */
  readonly bitmap?: PlannedBitmap | undefined;
  /** Whether the daemon has it, so that its bits can be read. */
  readonly hasBits: boolean;
  /** The bitmap that begins with the view. */
  readonly begin?: { readonly name: string; readonly granularity: number } | undefined;
  /** Bitmaps of backups that were cut off: what was written since each of them. */
  readonly tries: readonly ChainBitmap[];
  /** What its chain needs no more once the restore point is there. */
  readonly stale: readonly string[];
  /** Bytes; see the view's `only-dirty`. Absent: all of the drive is read. */
  readonly onlyDirty?: number | undefined;
}

export interface LivePlanContext {
  readonly repository: Repository;
  readonly root: Root;
  /** Names the instant of the view. */
  readonly checkpoint: string;
  readonly flags: RepositoryBackupFlags;
}

/** @throws BITMAP_NOT_FOUND, BITMAP_INVALID, USAGE */
export async function planLive(node: LiveNode, context: LivePlanContext): Promise<LivePlan> {
  const { flags, root, repository } = context;
  const identity = await identify(node, flags);
  const size = node.image['virtual-size'];
  const about = { node: node['node-name'], size, identity };
  if (flags.bitmaps === false) return { ...about, hasBits: false, stale: [], tries: [] };
  const followed =
    flags.bitmap === undefined
      ? followChainOf(node, identity.id, context)
      : { ...takeBitmapOf(node, flags.bitmap), hasBits: true, stale: [], tries: [] };
  const { full, granularity } = flags;
  const options = { drive: identity, bitmap: followed.bitmap, size, granularity };
  const plan = await planPoint(repository, root, { ...options, mode: full ? 'full' : 'auto' });
  const onlyDirty = plan.parent === undefined ? undefined : plan.granularity;
  // A bitmap that stays goes on by itself: nothing else begins.
  const { begin, ...others } = followed;
  return { ...about, ...others, onlyDirty, ...(flags.differential !== true && { begin }) };
}

async function identify(
  node: LiveNode,
  { driveId }: RepositoryBackupFlags,
): Promise<DriveIdentity> {
  const path = node['x-tidemark-path'];
  const name = node.file === '' ? node['node-name'] : node.file;
  const id = driveId ?? (path === undefined ? name : await idOf(path));
  return { id, label: basename(path ?? name), format: node.drv === 'qcow2' ? 'qcow2' : 'raw' };
}

/** As an offline backup follows it: the two can take turns. */
function followChainOf(
  node: LiveNode,
  id: string,
  { flags, root, repository, checkpoint }: LivePlanContext,
) {
  const name = flags.chain ?? `backup-${repository.config.id.slice(0, 8)}`;
  const points = root.drives.find((drive) => drive.id === id)?.points ?? [];
  const infos = node['dirty-bitmaps'].flatMap((bitmap) =>
    bitmap.name === undefined ? [] : [{ ...infoOf(bitmap), name: bitmap.name }],
  );
  const begun = points.flatMap((point) => point.checkpoint ?? []);
  const { all, known, whyFull } = findInChain(infos, { name, begun });
  const size = node.image['virtual-size'];
  const found = node['dirty-bitmaps'].find((bitmap) => bitmap.name === known?.name);
  const { granularity = defaultGranularity(clusterSizeOf(node)) } = flags;
  const bitmap: PlannedBitmap = {
    name: known?.name ?? name,
    content: { diskSize: size, granularity: found?.granularity ?? granularity },
    checkpoint: known?.checkpoint,
    whyFull,
  };
  const begin = { name: chainBitmapName(name, checkpoint), granularity };
  const tries = all.filter((each) => {
    const info = infos.find((it) => it.name === each.name);
    return info?.state === 'stored' && info.enabled && !begun.includes(each.checkpoint);
  });
  const stale = all.map((each) => each.name);
  return { bitmap, hasBits: known !== undefined, begin, stale, tries };
}

type LiveBitmap = LiveNode['dirty-bitmaps'][number];

function infoOf({ recording, busy, inconsistent }: LiveBitmap) {
  const state = inconsistent ? 'inconsistent' : busy ? 'in-use' : 'stored';
  return { state, enabled: recording } as const;
}

function takeBitmapOf(
  node: LiveNode,
  name: string,
): { readonly bitmap: PlannedBitmap; readonly begin?: undefined } {
  const where = node['node-name'];
  const found = node['dirty-bitmaps'].find((bitmap) => bitmap.name === name);
  if (found === undefined) {
    const hint = 'tidemark ctl add makes it';
    const text = `drive '${where}' has no bitmap '${name}'`;
    throw new TidemarkError('BITMAP_NOT_FOUND', text, { where, bitmap: name, hint });
  }
  if (!found.recording) {
    const text = `bitmap '${name}' does not record and misses writes`;
    const hint = 'enable it: the next backup is a full one then';
    throw new TidemarkError('BITMAP_INVALID', text, { where, bitmap: name, hint });
  }
  const content = { diskSize: node.image['virtual-size'], granularity: found.granularity };
  return { bitmap: { name, content, checkpoint: found['x-tidemark-checkpoint'] } };
}

function clusterSizeOf({ image }: LiveNode): number | undefined {
  return image['cluster-size'];
}
