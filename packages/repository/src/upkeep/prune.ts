import { throwIfCancelled } from '@tidemark/backup/parts';
import { TidemarkError } from '@tidemark/core';
import { BlobReader } from '../blobs/blob-reader.ts';
import { sizesById } from '../blobs/load-index.ts';
import { MAX_CONDEMNED } from '../format/limits.ts';
import {
  INDEX_PREFIX,
  indexKey,
  packKey,
  PACKS_PREFIX,
  pointKey,
  POINTS_PREFIX,
  TRIES_PREFIX,
} from '../format/object-keys.ts';
import { idInKey } from '../format/object-keys.ts';
import type { Root } from '../format/root.ts';
import { allPoints } from '../points.ts';
import type { Repository } from '../repository.ts';
import { Marks } from './marks.ts';
import { planPrune, type PrunePlan } from './plan-prune.ts';
import { rewritePacks } from './rewrite-packs.ts';

/** Times that new points may come in between. */
const MAX_TURNS = 5;
const DAY = 24 * 60 * 60 * 1000;

/** What `prune` may remove. */
export interface PruneOptions {
  readonly repository: Repository;
  /**
   * Younger objects stay, in ms: a backup that is running may rely on them, and would have to begin
   * again. Default a day.
   */
  readonly grace?: number | undefined;
  /** A pack of which a larger part is not needed is written anew. From 0 to 1, default 0.5. */
  readonly maxUnused?: number | undefined;
  /** Only tells what would be done. */
  readonly dryRun?: boolean | undefined;
  readonly now?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `prune` did, or would do. Bytes of packs. */
export interface PruneReport {
  /** Packs that went, or would go. */
  readonly removedPacks: number;
  /** Packs whose needed blobs were written anew. */
  readonly rewrittenPacks: number;
  /** Bytes that came free, and that were written anew. */
  readonly freedBytes: number;
  readonly rewrittenBytes: number;
  readonly removedManifests: number;
}

/**
 * Gives back the space of what no point needs. Others may read and write meanwhile: what is to go is
 * condemned in the root first, in a step that a new point would make fail, and a writer that began
 * before looks again before its own point is named. So no clock has to be right for any point to be.
 * Order: new packs are durable; the root condemns the old ones, and manifests (the commit point); they are removed;
 * the root is told. Cut off anywhere, the next prune goes on.
 * @throws BACKUP_CORRUPT: a point is damaged, and nothing is removed; LOCKED, CANCELLED
 */
export async function prune(options: PruneOptions): Promise<PruneReport> {
  const { repository, signal } = options;
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    throwIfCancelled(signal);
    repository.forgetIndex();
    const plan = await makePlan(options);
    if (options.dryRun === true) return report(plan, 0, plan.manifests.length);
    const rewrittenBytes = await rewritePacks(repository, plan, signal);
    throwIfCancelled(signal);
    if (!(await condemn(repository, plan))) continue;
    const manifests = await removeCondemned(repository);
    await removeTries(options);
    repository.forgetIndex();
    return report(plan, rewrittenBytes, manifests);
  }
  throw new TidemarkError('LOCKED', `new restore points come all the time in ${repository.label}`, {
    where: repository.label,
    hint: 'prune again when fewer backups are running',
  });
}

async function makePlan({
  repository,
  grace = DAY,
  maxUnused = 0.5,
  now = Date.now,
}: PruneOptions) {
  const root = await repository.readRoot();
  const { blobs } = await repository.index();
  const { store, sealer } = repository;
  const marks = new Marks(blobs, new BlobReader(store, sealer, blobs));
  for (const { id } of allPoints(root)) await marks.addPoint(await repository.readManifest(id));
  const indexed = await sizesById(store, INDEX_PREFIX);
  const oldest = now() - grace;
  const packs: { id: string; size: number; isOld: boolean }[] = [];
  for await (const { key, size, stored } of store.list(PACKS_PREFIX)) {
    const id = idInKey(key);
    if (id !== undefined) packs.push({ id, size, isOld: stored <= oldest });
  }
  const manifests = await unnamedManifests(repository, root, oldest);
  return { root, manifests, ...planPrune({ blobs, marks, packs, indexed, maxUnused }) };
}

/** Manifests that no root names any more, or that none has come to name. */
async function unnamedManifests(
  { store }: Repository,
  root: Root,
  oldest: number,
): Promise<readonly string[]> {
  const named = new Set(allPoints(root).map(({ id }) => id));
  const unnamed: string[] = [];
  for await (const { key, stored } of store.list(POINTS_PREFIX)) {
    const id = idInKey(key);
    if (id !== undefined && !named.has(id) && stored <= oldest) unnamed.push(id);
  }
  return unnamed;
}

interface Plan extends PrunePlan {
  readonly root: Root;
  /** Ids of manifests that go. */
  readonly manifests: readonly string[];
}

/** @returns false: there are points that were not looked at, or less is there than was */
async function condemn(repository: Repository, plan: Plan): Promise<boolean> {
  const looked = new Set(allPoints(plan.root).map(({ id }) => id));
  const packs = [...plan.unused, ...plan.rewritten].map(({ id }) => id);
  // A backup may be about to let the root name one of these manifests.
  const goes = [...packs, ...plan.manifests];
  let isCurrent = true;
  await repository.changeRoot((root) => {
    // Another prune may have condemned what this one counts on.
    isCurrent =
      root.prunes === plan.root.prunes && allPoints(root).every(({ id }) => looked.has(id));
    const condemned = [...new Set([...root.condemned, ...goes])].slice(0, MAX_CONDEMNED);
    if (!isCurrent || condemned.length === root.condemned.length) return root;
    return { ...root, condemned, prunes: root.prunes + 1 };
  });
  return isCurrent;
}

/**
 * The pack first: an index without a pack is passed over, and a pack without an index made whole.
 * @returns how many manifests went
 */
async function removeCondemned(repository: Repository): Promise<number> {
  const { store } = repository;
  const root = await repository.readRoot();
  if (root.condemned.length === 0) return 0;
  const removed = new Set(root.condemned);
  const manifests = (await unnamedManifests(repository, root, Infinity)).filter((id) =>
    removed.has(id),
  );
  for (const id of manifests) await store.delete(pointKey(id));
  const packs = new Set(removed);
  for (const id of manifests) packs.delete(id);
  for (const id of packs) {
    await store.delete(packKey(id));
    await store.delete(indexKey(id));
  }
  await repository.changeRoot((now) => {
    const left = now.condemned.filter((id) => !removed.has(id));
    return left.length === now.condemned.length ? now : { ...now, condemned: left };
  });
  return manifests.length;
}

/** Records of backups that were cut off long ago: nobody goes on with them. */
async function removeTries({
  repository: { store },
  grace = DAY,
  now = Date.now,
}: PruneOptions): Promise<void> {
  for await (const { key, stored } of store.list(TRIES_PREFIX)) {
    if (stored <= now() - Math.max(grace, 7 * DAY)) await store.delete(key);
  }
}

function report(plan: PrunePlan, rewrittenBytes: number, removedManifests: number): PruneReport {
  let freed = 0;
  for (const { size } of [...plan.unused, ...plan.rewritten]) freed += size;
  return {
    removedPacks: plan.unused.length,
    rewrittenPacks: plan.rewritten.length,
    freedBytes: freed,
    rewrittenBytes,
    removedManifests,
  };
}
