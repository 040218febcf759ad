import type { Granules } from '@tidemark/backup/parts';
import { fromHex, toHex } from '../format/digest.ts';
import { DIGEST_SIZE, FAN_OUT } from '../format/limits.ts';
import { MapNode } from '../format/map-node.ts';
import { childrenOf, granulesUnder, type MapShape, shapeOf } from '../format/map-shape.ts';

/** Granules that follow on one another: all content, or all zeros. */
export interface MapRun {
  readonly first: number;
  readonly count: number;
  /** 32 bytes for each granule; absent where it is zeros. */
  readonly digests?: Uint8Array;
}

export interface MapRange {
  readonly first: number;
  readonly end: number;
}

export interface MapSource {
  readonly drive: Granules;
  /** Digest of the highest node in hex; null: all zeros. */
  readonly root: string | null;
  readonly readNode: (digest: Uint8Array) => Promise<Uint8Array>;
}

interface Walk {
  readonly shape: MapShape;
  readonly source: MapSource;
  readonly range: MapRange;
}

/**
 * A part of a map, or all of it, in order and without gaps. Each node is checked before anything of
 * it is told. @throws BACKUP_CORRUPT
 */
export async function* walkMap(source: MapSource, part?: MapRange): AsyncGenerator<MapRun> {
  const shape = shapeOf(source.drive);
  const range = part ?? { first: 0, end: shape.granules };
  if (range.first >= range.end) return;
  if (source.root === null || shape.levels === 0) {
    yield { first: range.first, count: range.end - range.first };
    return;
  }
  const root = fromHex(source.root);
  let zeros = 0;
  let at = range.first;
  for await (const run of walkNode({ shape, source, range }, shape.levels - 1, 0, root)) {
    at = run.first + run.count;
    if (run.digests === undefined) {
      zeros += run.count;
      continue;
    }
    if (zeros > 0) yield { first: run.first - zeros, count: zeros };
    zeros = 0;
    yield run;
  }
  if (zeros > 0) yield { first: at - zeros, count: zeros };
}

async function* walkNode(
  walk: Walk,
  level: number,
  index: number,
  digest: Uint8Array,
): AsyncGenerator<MapRun> {
  const { shape, source, range } = walk;
  const count = childrenOf(shape, level, index);
  const node = MapNode.decode(await source.readNode(digest), level, count, toHex(digest));
  const under = granulesUnder(level);
  const base = index * FAN_OUT * under;
  const end = Math.min(count, Math.ceil((range.end - base) / under));
  for (let child = Math.max(0, Math.floor((range.first - base) / under)); child < end;) {
    const isPresent = node.get(child) !== undefined;
    const next = Math.min(end, node.next(child, !isPresent));
    if (isPresent && level > 0) {
      for (; child < next; child++) {
        yield* walkNode(walk, level - 1, index * FAN_OUT + child, node.get(child)!);
      }
      continue;
    }
    const first = Math.max(range.first, base + child * under);
    const stop = Math.min(range.end, base + next * under);
    const run = { first, count: stop - first };
    yield isPresent ? { ...run, digests: digestsOf(node, child, next) } : run;
    child = next;
  }
}

function digestsOf(node: MapNode, from: number, to: number): Uint8Array {
  const digests = new Uint8Array((to - from) * DIGEST_SIZE);
  for (let child = from; child < to; child++) {
    digests.set(node.get(child)!, (child - from) * DIGEST_SIZE);
  }
  return digests;
}
