import { createHash } from 'node:crypto';
import type { DigestRun, DigestSource } from '../../src/index.ts';

export const CHECKPOINT = '0123456789abcdef'.repeat(2);
const DIGEST_SIZE = 8;

const digest = (content: Uint8Array) =>
  createHash('sha1').update(content).digest().subarray(0, DIGEST_SIZE);

/** What a backup would know of a drive that held `content`. */
export function pointOf(
  content: Uint8Array,
  { granularity = 4096, checkpoint = CHECKPOINT } = {},
): DigestSource {
  return {
    checkpoint,
    size: content.length,
    granularity,
    digestSize: DIGEST_SIZE,
    digest,
    runs: () => runsOf(content, granularity),
  };
}

async function* runsOf(content: Uint8Array, granularity: number): AsyncGenerator<DigestRun> {
  const count = Math.ceil(content.length / granularity);
  for (let first = 0; first < count; first++) {
    const bytes = content.subarray(first * granularity, (first + 1) * granularity);
    const isZero = bytes.every((byte) => byte === 0);
    const kind = isZero ? 'zero' : 'data';
    const digests = isZero ? new Uint8Array(0) : digest(bytes);
    yield { kind, first, count: 1, digests };
  }
}
