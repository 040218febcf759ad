import {
  type BitmapInfo,
  type BitmapStore,
  checkBitmapName,
  DirtyBitmap,
  TidemarkError,
} from '@tidemark/core';
import type { BackupBitmap } from '../backup.ts';
import { BackupDirectory } from '../chain/backup-directory.ts';
import { type FileSystem, withErrorCodes } from '../files/file-system.ts';
import { listOrNothing } from './plan.ts';

/** Which chain of bitmaps `followChain` follows. */
export interface ChainOptions {
  /** What the names of the bitmaps begin with. */
  readonly name: string;
  /** The backup directory. */
  readonly target: string;
  /** Bytes; of the bitmap that begins at the next restore point. */
  readonly granularity: number;
  readonly fs?: FileSystem | undefined;
}

/**
 * The bitmap of a chain of backups, to be followed by the next one. Each restore point begins a
 * bitmap of its own, `NAME@CHECKPOINT`, and in the same step the older ones go. Its name says where
 * it began, also when QEMU has written the drive since, and QEMU can rename none. What it cannot
 * tell is whether somebody has cleared it, or has made the drive smaller and larger again.
 * @throws BITMAP_INVALID (the name), what store and directory throw
 */
export async function followChain(
  store: BitmapStore,
  options: ChainOptions,
): Promise<BackupBitmap> {
  checkChainName(options.name);
  return followKnownChain(store, { ...options, begun: await checkpointsIn(options) });
}

/** Of `followKnownChain`: which chain it is, and which restore points there are. */
export interface KnownChainOptions extends Pick<ChainOptions, 'name' | 'granularity'> {
  /** Checkpoints of the restore points, from old to new. */
  readonly begun: readonly string[];
}

/** As `followChain`, of restore points that are kept anywhere. @throws BITMAP_INVALID (the name) */
export async function followKnownChain(
  store: BitmapStore,
  { name, granularity, begun }: KnownChainOptions,
): Promise<BackupBitmap> {
  const { all, known, whyFull } = findInChain(await store.list(), { name, begun });
  const successor = {
    nameAt: (checkpoint: string) => chainBitmapName(name, checkpoint),
    granularity,
  };
  const onDurable = async (checkpoint: string) => {
    const content = new DirtyBitmap(store.diskSize, granularity);
    await store.commit([
      ...all.map((old) => ({ op: 'remove', name: old.name }) as const),
      { op: 'create', name: chainBitmapName(name, checkpoint), enabled: true, content },
    ]);
  };
  if (known === undefined) {
    const content = new DirtyBitmap(store.diskSize, granularity);
    return { name, content, whyFull, successor, onDurable };
  }
  const content = await store.load(known.name);
  return { name: known.name, content, checkpoint: known.checkpoint, successor, onDurable };
}

/** A bitmap of a chain, by its name. */
export interface ChainBitmap {
  readonly name: string;
  readonly checkpoint: string;
}

/** What of a drive's bitmaps belongs to a chain. */
export interface FoundChain {
  readonly all: readonly ChainBitmap[];
  /** The newest that began at a restore point that is here, and misses no write. */
  readonly known?: ChainBitmap | undefined;
  /** Why there is none: a sentence. */
  readonly whyFull?: string;
}

/** Looks for the bitmap that the next backup of a chain follows. @throws BITMAP_INVALID (the name) */
export function findInChain(
  bitmaps: readonly KnownInfo[],
  { name, begun }: Pick<KnownChainOptions, 'name' | 'begun'>,
): FoundChain {
  checkChainName(name);
  const all = bitmaps.flatMap((info) => {
    const checkpoint = checkpointIn(info.name, name);
    return checkpoint === undefined ? [] : { ...info, checkpoint };
  });
  const known = all
    .filter(isUsable)
    .toSorted((a, b) => begun.indexOf(a.checkpoint) - begun.indexOf(b.checkpoint))
    .findLast(({ checkpoint }) => begun.includes(checkpoint));
  return known === undefined ? { all, whyFull: whyNone(name, all) } : { all, known };
}

/** Of the bitmap that begins at a checkpoint. */
export function chainBitmapName(chain: string, checkpoint: string): string {
  return `${chain}@${checkpoint}`;
}

function checkpointIn(name: string, chain: string): string | undefined {
  const checkpoint = chainCheckpoint(name);
  return checkpoint !== undefined && name === chainBitmapName(chain, checkpoint)
    ? checkpoint
    : undefined;
}

/** Where the bitmap of a chain began, by its name. Undefined: it is of no chain. */
export function chainCheckpoint(name: string): string | undefined {
  return /@([0-9a-f]{32})$/.exec(name)?.[1];
}

/** Checkpoints of the restore points, from old to new. */
async function checkpointsIn({ target, fs }: ChainOptions): Promise<readonly string[]> {
  const points = await listOrNothing(new BackupDirectory(target, withErrorCodes(fs)));
  return points.flatMap((point) =>
    'problem' in point ? [] : (point.manifest.bitmap?.checkpoint ?? []),
  );
}

type KnownInfo = Pick<BitmapInfo, 'name' | 'state' | 'enabled' | 'reason'>;

function isUsable({ state, enabled }: KnownInfo): boolean {
  return state === 'stored' && enabled;
}

function whyNone(chain: string, all: readonly KnownInfo[]): string {
  const last = all.at(-1);
  if (last === undefined) return `chain '${chain}' has no bitmap yet`;
  if (all.some(isUsable)) {
    return `chain '${chain}' has no bitmap that began at a restore point that is here`;
  }
  const { name, state, reason } = last;
  if (state === 'stored') return `bitmap '${name}' is disabled and misses writes`;
  return `bitmap '${name}' is ${state}${reason === undefined ? '' : `: ${reason}`}`;
}

function checkChainName(name: string): void {
  if (name === '') {
    const hint = 'give it a name, such as nightly';
    throw new TidemarkError('BITMAP_INVALID', 'the name of a chain cannot be empty', { hint });
  }
  checkBitmapName(chainBitmapName(name, '0'.repeat(32)));
}
