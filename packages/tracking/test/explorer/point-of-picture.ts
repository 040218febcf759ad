import type { DigestRun, DigestSource } from '../../src/index.ts';
import type { Picture } from './claims.ts';
import { stampOf } from './examine.ts';
import { GRANULE, GRANULES } from './setting.ts';

/** What a backup would know of a drive that held the picture. */
export function pointOfPicture(picture: Picture): DigestSource {
  return {
    checkpoint: '0123456789abcdef'.repeat(2),
    size: GRANULES * GRANULE,
    granularity: GRANULE,
    digestSize: 4,
    digest: (content) => digestOf(stampOf(content)),
    runs: () => runsOf(picture),
  };
}

async function* runsOf(picture: Picture): AsyncGenerator<DigestRun> {
  const written = [...picture]
    // The drive may have been larger at the point.
    .filter(([granule, stamp]) => stamp !== 0 && granule < GRANULES)
    .toSorted(([a], [b]) => a - b);
  let next = 0;
  for (const [first, stamp] of [...written, [GRANULES, 0] as const]) {
    const count = first - next;
    if (count > 0) yield { kind: 'zero', first: next, count, digests: new Uint8Array(0) };
    if (first < GRANULES) yield { kind: 'data', first, count: 1, digests: digestOf(stamp) };
    next = first + 1;
  }
}

function digestOf(stamp: number): Uint8Array {
  const digest = new Uint8Array(4);
  new DataView(digest.buffer).setUint32(0, stamp);
  return digest;
}
