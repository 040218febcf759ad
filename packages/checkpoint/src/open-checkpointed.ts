import { type BitmapInfo, type BitmapStore, isTidemarkError } from '@tidemark/core';
import type { CheckpointFolder } from './checkpoint-folder.ts';
import { finishCheckpoints } from './finish-checkpoints.ts';
import { isOf, isOfChange } from './intent.ts';

/** Why a bitmap has no checkpoint while another store's part of it is missing. */
const INCOMPLETE = 'checkpoint incomplete';

/** Of `openCheckpointed`: which store it is, and where intents are kept. */
export interface CheckpointedOptions {
  readonly folder: CheckpointFolder;
  /** Where the store is kept: an absolute path. */
  readonly place: string;
  readonly onNotice?: (message: string) => void;
}

const places = new WeakMap<BitmapStore, string>();

/** Where a store is kept, for an intent to find it again. */
export function placeOf(store: BitmapStore): string {
  return places.get(store) ?? store.label;
}

/**
 * A store that has a part in checkpoints over several drives. What a crash has cut off of one is
 * finished first, if the store can be written. As long as any drive of a checkpoint is missing, the
 * bitmaps of all of them tell no checkpoint, so that their next backup is a full one.
 */
export async function openCheckpointed(
  store: BitmapStore,
  { folder, place, onNotice = () => {} }: CheckpointedOptions,
): Promise<BitmapStore> {
  const { id } = store;
  if (store.writable) {
    // A drive that is of use is of more use than a folder that is not: its bitmaps stay masked.
    await finishCheckpoints(store, { id, place, folder, onNotice }).catch((error: unknown) => {
      if (!isTidemarkError(error)) throw error;
      onNotice(`a checkpoint of ${store.label} cannot be finished: ${error.message}`);
    });
  }
  for (const { path, why } of (await folder.find()).unreadable) {
    onNotice(`'${path}' may tell of a checkpoint that is incomplete, and cannot be read: ${why}`);
  }
  const list = async (): Promise<readonly BitmapInfo[]> => {
    const infos = await store.list();
    const reasonOf = await incompleteIn(folder, { id: store.id, place });
    return infos.map((info) => masked(info, reasonOf(info)));
  };
  const checkpointed = new Proxy(store, {
    get(target, key): unknown {
      if (key === 'list') return list;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  places.set(checkpointed, place);
  return checkpointed;
}

type ReasonOf = (info: BitmapInfo) => string | undefined;

async function incompleteIn(
  folder: CheckpointFolder,
  place: { readonly id: string | undefined; readonly place: string },
): Promise<ReasonOf> {
  const { intents, unreadable } = await folder.find();
  const [damaged] = unreadable;
  // It may tell of any bitmap.
  if (damaged !== undefined) return () => `${INCOMPLETE}: '${damaged.path}' cannot be read`;
  const named = intents.flatMap(({ set, members }) =>
    members
      .filter((member) => isOf(member, place))
      .flatMap(({ bitmaps }) => bitmaps.map((bitmap) => ({ ...bitmap, set }))),
  );
  return ({ name, checkpoint }) =>
    named.some((it) => it.name === name && isOfChange(it, it.set, checkpoint))
      ? INCOMPLETE
      : undefined;
}

function masked(info: BitmapInfo, reason: string | undefined): BitmapInfo {
  if (reason === undefined) return info;
  const { checkpoint: _, ...others } = info;
  return { ...others, checkpointLost: reason };
}
