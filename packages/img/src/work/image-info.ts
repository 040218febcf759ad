import { BitmapDirectory, type Qcow2Info, type Snapshot } from '@tidemark/qcow2';
import { ImgFailure } from '../failure.ts';
import { backingPath } from '../open/file-name.ts';
import { statusOf } from '../open/file-status.ts';
import type { Connecting } from '../open/nbd-disk.ts';
import { type Image, openImage } from '../open/open-image.ts';

/** What `imageInfo` tells of an image. */
export interface ImageInfo {
  readonly path: string;
  readonly format: string;
  /** Bytes of the disk. */
  readonly virtualSize: number;
  /** Bytes that its file takes up. Absent: it is on a server. */
  readonly actualSize: number | undefined;
  /** Present for qcow2. */
  readonly qcow2?: Qcow2Info;
  readonly snapshots: readonly Snapshot[];
  readonly bitmaps: readonly InfoBitmap[];
  /** Where the backing file is, seen from here; absent where there is none. */
  readonly backingPath?: string;
}

interface InfoBitmap {
  readonly name: string;
  readonly granularity: number;
  /** `in-use`, `auto`. */
  readonly flags: readonly string[];
}

/** How `imageInfo` looks at an image. */
export interface ImageInfoOptions extends Connecting {
  /** The name is a list of options. Default false. */
  readonly isOptions?: boolean | undefined;
  readonly format?: string | undefined;
  readonly share?: boolean;
  /** The images behind it too. Default false. */
  readonly chain?: boolean;
  readonly warn: (text: string) => void;
}

/** What an image says of itself, and those behind it. @throws USAGE and others, as qemu-img words it */
export async function imageInfo(
  name: string,
  { chain = false, ...options }: ImageInfoOptions,
): Promise<readonly ImageInfo[]> {
  const found: ImageInfo[] = [];
  const seen = new Set<string>();
  let { format, isOptions = false } = options;
  for (let next: string | undefined = name; next !== undefined;) {
    if (seen.has(next)) throw new ImgFailure(`Backing file '${next}' creates an infinite loop.`);
    seen.add(next);
    const alone = { lock: 'look', skipBacking: true, skipData: true } as const;
    const image = await openImage(next, { ...options, ...alone, format, isOptions });
    try {
      const info = await describe(image);
      found.push(info);
      next = chain ? info.backingPath : undefined;
      format = info.qcow2?.backing?.format;
      isOptions = false;
    } finally {
      await image.disk.close();
    }
  }
  return found;
}

async function describe(image: Image): Promise<ImageInfo> {
  const { path, disk, qcow2, isRemote = false } = image;
  const format = image.protocol ?? image.format;
  const actualSize = isRemote ? undefined : (await statusOf(path)).blocks * 512;
  const common = { path, format, virtualSize: disk.size, actualSize };
  if (qcow2 === undefined) return { ...common, snapshots: [], bitmaps: [] };
  const { info } = qcow2;
  const directory = await BitmapDirectory.open({ image: qcow2.metadata });
  const bitmaps = directory.records.map(({ name, granularity, inUse, enabled }) => ({
    name,
    granularity,
    flags: [...(inUse ? ['in-use'] : []), ...(enabled ? ['auto'] : [])],
  }));
  return {
    ...common,
    qcow2: info,
    snapshots: await qcow2.snapshots(),
    bitmaps,
    ...(info.backing !== undefined && { backingPath: backingPath(info.backing.name, path) }),
  };
}
