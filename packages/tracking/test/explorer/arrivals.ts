import type { BlockDevice } from '@tidemark/block';
import { stampOf } from './examine.ts';
import { GRANULE } from './setting.ts';

interface Arrivals {
  /** What each granule holds: changed as soon as a write comes. */
  readonly picture: Map<number, number>;
  /** Granules of writes that have come and are not answered. */
  readonly underWay: Set<number>;
}

/** Sees what comes to the device, and notes it before the device does. */
export function withArrivals(device: BlockDevice, { picture, underWay }: Arrivals): BlockDevice {
  const arrive = async (offset: number, stamps: readonly number[], act: () => Promise<void>) => {
    const granules = stamps.map((_, i) => offset / GRANULE + i);
    for (const [i, granule] of granules.entries()) {
      picture.set(granule, stamps[i]!);
      underWay.add(granule);
    }
    await act();
    for (const granule of granules) underWay.delete(granule);
  };
  return new Proxy<BlockDevice>(device, {
    get: (target, key): unknown => {
      if (key === 'write') {
        return (source: Uint8Array, offset: number) =>
          arrive(offset, stampsOf(source), () => target.write(source, offset));
      }
      if (key === 'writeZeroes') {
        return (offset: number, length: number) =>
          arrive(offset, stampsOf(new Uint8Array(length)), () =>
            target.writeZeroes(offset, length),
          );
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
