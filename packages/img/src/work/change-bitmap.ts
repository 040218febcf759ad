import { type BitmapStore, isTidemarkError } from '@tidemark/core';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { ImgFailure, PROGRAM } from '../failure.ts';
import { describeError } from '../open/describe-error.ts';
import { type Image, openImage } from '../open/open-image.ts';
import { refuseSidecarBitmaps } from '../open/sidecar.ts';
import { BitmapDraft } from './bitmap-draft.ts';

/** One step of `changeBitmap`. */
export type BitmapAction =
  | { readonly op: 'add' | 'remove' | 'clear' | 'enable' | 'disable' }
  /** `from`: the bitmap whose dirty granules are added. */
  | { readonly op: 'merge'; readonly from: string };

interface NamedImage {
  readonly name: string;
  readonly format?: string | undefined;
}

/** Which bitmap `changeBitmap` changes, and how: the actions in order. */
export interface ChangeBitmapOptions {
  readonly image: NamedImage;
  /** Where merged bitmaps are. Default: in the image. */
  readonly source?: NamedImage | undefined;
  readonly bitmap: string;
  readonly actions: readonly BitmapAction[];
  /** Of a new bitmap, in bytes. Default, and with 0: by the image's clusters. */
  readonly granularity?: bigint | undefined;
  readonly warn: (text: string) => void;
  /** The name of the image is a list of options. Default false. */
  readonly isOptions?: boolean | undefined;
}

/**
 * Changes one bitmap of an image that nobody uses. Of several actions those before one that fails
 * take effect, as in qemu-img; all that do take effect in one durable step.
 * @throws USAGE and others, worded as qemu-img does
 */
export async function changeBitmap(options: ChangeBitmapOptions): Promise<void> {
  const { warn, bitmap } = options;
  const image = await openImage(options.image.name, {
    isOptions: options.isOptions === true,
    format: options.image.format,
    writable: true,
    skipBacking: true,
    warn,
  });
  let source: Image | undefined;
  try {
    if (options.source !== undefined) {
      const { name, format } = options.source;
      source = await openImage(name, { format, skipBacking: true, warn });
    }
    await change(image, source, options);
  } catch (error) {
    throw error instanceof ActionFailure ? error.worded(bitmap) : error;
  } finally {
    await source?.disk.close();
    await image.disk.close();
  }
}

/** Which action failed, and why. */
class ActionFailure extends Error {
  readonly op: string;
  override readonly cause: unknown;

  constructor(op: string, cause: unknown) {
    super(op);
    this.op = op;
    this.cause = cause;
  }

  worded(bitmap: string): ImgFailure {
    const { cause, op } = this;
    const after = cause instanceof ImgFailure ? cause.after : '';
    const why = describeError(cause);
    const code = isTidemarkError(cause) ? cause.code : 'USAGE';
    const message = `Operation ${op} on bitmap ${bitmap} failed: ${why}`;
    return new ImgFailure(message, { after, code, cause });
  }
}

async function change(
  image: Image,
  source: Image | undefined,
  { bitmap, actions, granularity }: ChangeBitmapOptions,
): Promise<void> {
  const store = image.qcow2 && (await openQcow2Store(image.qcow2));
  const from = await openSource(image, source, store);
  try {
    const draft = await BitmapDraft.open({ image, store, source: from, name: bitmap });
    try {
      for (const action of actions) await step(draft, action, granularity);
    } finally {
      await commit(image, store, draft);
    }
  } finally {
    if (from !== store) await from?.close();
    await store?.close();
  }
}

async function openSource(
  image: Image,
  source: Image | undefined,
  store: BitmapStore | undefined,
): Promise<BitmapStore | undefined> {
  if (source === undefined || source === image) return store;
  refuseSidecarBitmaps(source);
  return source.qcow2 && openQcow2Store(source.qcow2);
}

async function step(
  draft: BitmapDraft,
  action: BitmapAction,
  granularity: bigint | undefined,
): Promise<void> {
  try {
    if (action.op === 'merge') await draft.merge(action.from);
    else if (action.op === 'add') draft.add(granularity);
    else if (action.op === 'remove') draft.remove();
    else if (action.op === 'clear') await draft.clear();
    else await draft.enable(action.op === 'enable');
  } catch (error) {
    throw new ActionFailure(action.op, error);
  }
}

async function commit(
  image: Image,
  store: BitmapStore | undefined,
  draft: BitmapDraft,
): Promise<void> {
  const changes = await draft.changes();
  if (store === undefined || changes.length === 0) return;
  const lost = draft.isNew ? whyLost(image) : undefined;
  if (lost !== undefined) throw lostBitmaps(image, draft.name, lost);
  await store.commit(changes);
}

/** Where qemu-img finds out only when it closes the image, and exits with 0. */
function whyLost({ qcow2, disk }: Image): string | undefined {
  if (disk.size === 0) return 'No memory';
  if (qcow2?.metadata.hasRoomForBitmaps === true) return undefined;
  return 'Failed to update bitmap extension: No space left on device';
}

function lostBitmaps({ path }: Image, bitmap: string, why: string): ImgFailure {
  return new ImgFailure(`Lost persistent bitmaps during inactivation of node '${path}': ${why}`, {
    code: 'NO_SPACE',
    after: `${PROGRAM}: bitmap '${bitmap}' was not stored\n`,
  });
}
