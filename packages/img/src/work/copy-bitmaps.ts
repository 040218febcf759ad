import { type BitmapChange, type BitmapInfo, type BitmapStore } from '@tidemark/core';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { ImgFailure, PROGRAM } from '../failure.ts';
import type { Image } from '../open/open-image.ts';
import { refuseSidecarBitmaps } from '../open/sidecar.ts';

/** The bitmaps of a source that are to be copied. QEMU has them in memory the other way around. */
export interface BitmapCopy {
  /** Absent: there are none. */
  readonly store: BitmapStore | undefined;
  readonly bitmaps: readonly BitmapInfo[];
}

/** @throws USAGE: the source can hold none, or one of them cannot be used */
export async function planBitmapCopy(
  source: Image,
  { skipBroken, warn }: { readonly skipBroken: boolean; readonly warn: (text: string) => void },
): Promise<BitmapCopy> {
  const { qcow2 } = source;
  if (qcow2 === undefined || qcow2.info.version < 3) {
    throw new ImgFailure('Source lacks bitmap support');
  }
  refuseSidecarBitmaps(source);
  const store = await openQcow2Store(qcow2);
  const all = await store.list();
  const isBroken = ({ state }: BitmapInfo) => state === 'inconsistent' || state === 'unsupported';
  for (const { name } of all.filter(isBroken).toReversed()) {
    if (skipBroken) {
      warn(`${PROGRAM}: warning: Skipping inconsistent bitmap '${name}'\n`);
      continue;
    }
    throw new ImgFailure(`Cannot copy inconsistent bitmap '${name}'`, {
      code: 'BITMAP_INCONSISTENT',
      after: `Try --skip-broken-bitmaps, or use '${PROGRAM} bitmap --remove' to delete it\n`,
    });
  }
  return { store, bitmaps: all.filter((info) => !isBroken(info)) };
}

/** Makes them in the target, all in one durable step. @throws USAGE, NO_SPACE */
export async function copyBitmaps({ store, bitmaps }: BitmapCopy, target: Image): Promise<void> {
  if (bitmaps.length === 0 || store === undefined) return;
  await using there = await openQcow2Store(target.qcow2!);
  const taken = new Set((await there.list()).map(({ name }) => name));
  for (const { name } of bitmaps.toReversed()) {
    if (taken.has(name)) {
      throw new ImgFailure(`Failed to create bitmap ${name}: Bitmap already exists: ${name}`, {
        code: 'BITMAP_EXISTS',
      });
    }
    if (target.disk.size !== store.diskSize) throw otherSize(name, store, target);
  }
  if (!target.qcow2!.metadata.hasRoomForBitmaps) {
    const why = 'Failed to update bitmap extension: No space left on device';
    throw new ImgFailure(
      `Lost persistent bitmaps during inactivation of node '${target.path}': ${why}`,
      { code: 'NO_SPACE', after: `${PROGRAM}: no bitmap was stored\n` },
    );
  }
  const changes: BitmapChange[] = [];
  for (const { name, enabled } of bitmaps) {
    changes.push({ op: 'create', name, enabled, content: await store.load(name) });
  }
  await there.commit(changes);
}

function otherSize(name: string, { diskSize }: BitmapStore, { disk }: Image): ImgFailure {
  const sizes = `(destination size is ${disk.size}, source size is ${diskSize})`;
  return new ImgFailure(
    `Failed to populate bitmap ${name}: Bitmaps are of different sizes ${sizes} and can't be merged`,
    { code: 'BITMAP_INVALID' },
  );
}
