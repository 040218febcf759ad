import { fromHex, sameDigest, toHex } from '../format/digest.ts';
import { FAN_OUT } from '../format/limits.ts';
import { MapNode } from '../format/map-node.ts';
import { childrenOf, type MapShape, shapeOf } from '../format/map-shape.ts';
import type { OpenPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import type { BlobReader } from '../blobs/blob-reader.ts';

/** A part of the drive that is not as it was. Bytes. */
export interface Difference {
  readonly offset: number;
  readonly length: number;
  /** It is zeros now. */
  readonly zero: boolean;
}

interface Pair {
  readonly before: Uint8Array | undefined;
  readonly now: Uint8Array | undefined;
}

/**
 * Where two points of one size and granularity differ, in order, neighbours of one kind merged.
 * Reads only the nodes that differ. `before` absent: where the drive is not zeros.
 * @throws BACKUP_CORRUPT; TypeError: of another size or granularity
 */
export async function* differences(
  repository: Repository,
  now: OpenPoint,
  before?: OpenPoint,
): AsyncGenerator<Difference> {
  const { drive, granularity } = now.manifest;
  const other = before?.manifest;
  if (other && (other.drive.size !== drive.size || other.granularity !== granularity)) {
    throw new TypeError('the points are of another size or granularity');
  }
  const digest = (hex: string | null | undefined) => (hex == null ? undefined : fromHex(hex));
  const pair = { now: digest(now.manifest.map), before: digest(other?.map) };
  const shape = shapeOf({ size: drive.size, granularity });
  const reader = await repository.reader();
  let last: { first: number; end: number; zero: boolean } | undefined;
  const tell = ({ first, end, zero }: NonNullable<typeof last>): Difference => {
    const offset = first * granularity;
    return { offset, length: Math.min(drive.size, end * granularity) - offset, zero };
  };
  for await (const run of compare({ shape, reader }, pair, shape.levels, 0)) {
    if (last !== undefined && last.end === run.first && last.zero === run.zero) last.end = run.end;
    else {
      if (last !== undefined) yield tell(last);
      last = { ...run };
    }
  }
  if (last !== undefined) yield tell(last);
}

interface Run {
  readonly first: number;
  readonly end: number;
  readonly zero: boolean;
}

/** `level`: of the parent, so that 0 is a granule. */
async function* compare(
  about: { readonly shape: MapShape; readonly reader: BlobReader },
  pair: Pair,
  level: number,
  index: number,
): AsyncGenerator<Run> {
  const { before, now } = pair;
  if (before === now || (before && now && sameDigest(before, now))) return;
  const { shape, reader } = about;
  if (level === 0) {
    yield { first: index, end: index + 1, zero: now === undefined };
    return;
  }
  const count = childrenOf(shape, level - 1, index);
  const read = async (digest: Uint8Array | undefined) =>
    digest && MapNode.decode(await reader.read(digest), level - 1, count, toHex(digest));
  const [old, young] = [await read(before), await read(now)];
  for (let child = 0; child < count; child++) {
    const inside = { before: old?.get(child), now: young?.get(child) };
    yield* compare(about, inside, level - 1, index * FAN_OUT + child);
  }
}
