import { fromHex, sameDigest, toHex } from '../format/digest.ts';
import { FAN_OUT } from '../format/limits.ts';
import { MapNode } from '../format/map-node.ts';
import { childrenOf, granulesUnder, type MapShape, shapeOf } from '../format/map-shape.ts';
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

/** What of two points `differences` compares. */
export interface DifferencesOptions {
  /** Bytes of the drive: what ends before is passed over, nodes of the map too. Default 0. */
  readonly offset?: number | undefined;
}

interface Pair {
  readonly before: Uint8Array | undefined;
  readonly now: Uint8Array | undefined;
}

/**
 * Where two points of one size and granularity differ, in order, neighbours of one kind merged.
 * Reads only the nodes that differ. What differs where `offset` is begins with the granule that holds it.
 * `before` absent: where the drive is not zeros.
 * @throws BACKUP_CORRUPT; TypeError: of another size or granularity
 */
export async function* differences(
  repository: Repository,
  now: OpenPoint,
  before?: OpenPoint,
  { offset: start = 0 }: DifferencesOptions = {},
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
  const from = Math.floor(start / granularity);
  for await (const run of compare({ shape, reader, from }, pair, shape.levels, 0)) {
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

interface Comparison {
  readonly shape: MapShape;
  readonly reader: BlobReader;
  /** The first granule that is compared. */
  readonly from: number;
}

/** `level`: of the parent, so that 0 is a granule. */
async function* compare(
  about: Comparison,
  pair: Pair,
  level: number,
  index: number,
): AsyncGenerator<Run> {
  const { before, now } = pair;
  if (before === now || (before && now && sameDigest(before, now))) return;
  const { shape, reader, from } = about;
  if (level === 0) {
    yield { first: index, end: index + 1, zero: now === undefined };
    return;
  }
  const count = childrenOf(shape, level - 1, index);
  const read = async (digest: Uint8Array | undefined) =>
    digest && MapNode.decode(await reader.read(digest), level - 1, count, toHex(digest));
  const [old, young] = [await read(before), await read(now)];
  const first = Math.floor(from / granulesUnder(level - 1)) - index * FAN_OUT;
  for (let child = Math.max(0, first); child < count; child++) {
    const inside = { before: old?.get(child), now: young?.get(child) };
    yield* compare(about, inside, level - 1, index * FAN_OUT + child);
  }
}
