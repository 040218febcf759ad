import type { BlockDevice } from '@tidemark/block';

export type Device = Pick<BlockDevice, 'size' | 'write' | 'writeNow' | 'flush'>;

const QUEUE = 16;
/** A pass is cut so that both devices meet what else the machine does. */
const SLICES = 64;

/** How a pass goes over a device. */
export interface Pass {
  /** Bytes of a write. */
  readonly length: number;
  readonly isRandom: boolean;
}

export interface Speeds {
  /** Writes a second. */
  readonly untracked: number;
  readonly tracked: number;
}

/** As many writes as cover each device once, sixteen at a time, on both in turn. */
export async function runPass(
  devices: { readonly untracked: Device; readonly tracked: Device },
  pass: Pass,
): Promise<Speeds> {
  const count = Math.floor(devices.untracked.size / pass.length / SLICES);
  const begun = {
    untracked: offsets(devices.untracked, pass),
    tracked: offsets(devices.tracked, pass),
  };
  const spent = { untracked: 0, tracked: 0 };
  for (let slice = 0; slice < SLICES; slice++) {
    const order =
      slice % 2 === 0 ? (['untracked', 'tracked'] as const) : (['tracked', 'untracked'] as const);
    for (const which of order) {
      spent[which] += await writeSome(devices[which], begun[which], count, pass.length);
    }
  }
  const all = count * SLICES * 1000;
  return { untracked: all / spent.untracked, tracked: all / spent.tracked };
}

/** Milliseconds. */
async function writeSome(
  device: Device,
  next: () => number,
  count: number,
  length: number,
): Promise<number> {
  let left = count;
  const begun = performance.now();
  const workers = Array.from({ length: QUEUE }, async (_, index) => {
    const buffer = new Uint8Array(length).fill(index + 1);
    while (left > 0) {
      left -= 1;
      const at = next();
      // As the server does.
      if (device.writeNow?.(buffer, at) !== true) await device.write(buffer, at);
    }
  });
  await Promise.all(workers);
  return performance.now() - begun;
}

/** The same for both devices. */
function offsets({ size }: Device, { length, isRandom }: Pass): () => number {
  const blocks = size / length;
  let state = 1;
  let at = -1;
  return () => {
    at += 1;
    if (!isRandom) return at * length;
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * blocks) * length;
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
