import type { BlockDevice } from '@tidemark/block';
import { stampOf } from './examine.ts';
import { GRANULE } from './setting.ts';

/** Is told what is done to a device. */
export interface Watch {
  /** Granules are written. @returns what to call when that is over */
  changing(granules: readonly number[], isZero: boolean): () => void;
  /** @returns what to call when it is flushed */
  flushing(): () => void;
}

interface Arrivals {
  /** What each granule holds: changed as soon as a write comes. */
  readonly picture: Map<number, number>;
  /** Granules of writes that have come and are not answered. */
  readonly underWay: Set<number>;
  readonly watch?: Watch | undefined;
}

/** Sees what comes to the device, and notes it before the device does. */
export function withArrivals(
  device: BlockDevice,
  { picture, underWay, watch }: Arrivals,
): BlockDevice {
  const arrive = async (
    offset: number,
    { stamps, isZero = false }: { stamps: readonly number[]; isZero?: boolean },
    act: () => Promise<void>,
  ) => {
    const granules = stamps.map((_, i) => offset / GRANULE + i);
    for (const [i, granule] of granules.entries()) {
      picture.set(granule, stamps[i]!);
      underWay.add(granule);
    }
    const over = watch?.changing(granules, isZero);
    await act();
    over?.();
    for (const granule of granules) underWay.delete(granule);
  };
  return new Proxy<BlockDevice>(device, {
    get: (target, key): unknown => {
      if (key === 'write') {
        return (source: Uint8Array, offset: number) =>
          arrive(offset, { stamps: stampsOf(source) }, () => target.write(source, offset));
      }
      if (key === 'writeZeroes') {
        return (offset: number, length: number) =>
          arrive(offset, { stamps: stampsOf(new Uint8Array(length)), isZero: true }, () =>
            target.writeZeroes(offset, length),
          );
      }
      if (key === 'flush') {
        return async () => {
          const over = watch?.flushing();
          await target.flush();
          over?.();
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function stampsOf(bytes: Uint8Array): readonly number[] {
  const count = bytes.length / GRANULE;
  return Array.from({ length: count }, (_, i) => stampOf(bytes.subarray(i * GRANULE)));
}
