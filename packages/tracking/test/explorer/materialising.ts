import { AsyncLocalStorage } from 'node:async_hooks';
import type { BlockDevice } from '@tidemark/block';
import type { BitmapStore, LiveBits } from '@tidemark/core';
import type { UnderWay } from './census.ts';

interface BitsWrite {
  changes: number;
  end: () => void;
}

/**
 * Tells when bits of a live bitmap get a cluster of their own: bits that have one take one write of
 * the device, and a second one is for what leads there.
 */
export class Materialising {
  readonly #underWay: UnderWay;
  readonly #current = new AsyncLocalStorage<BitsWrite>();

  constructor(underWay: UnderWay) {
    this.#underWay = underWay;
  }

  watchDevice(device: BlockDevice): BlockDevice {
    return new Proxy(device, {
      get: (target, key): unknown => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        if (key !== 'write' && key !== 'flush') return value.bind(target);
        return (...args: unknown[]) => {
          this.#changed();
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  }

  watchStore(store: BitmapStore): BitmapStore {
    const { live } = store;
    if (live === undefined) return store;
    const bits = (name: string): LiveBits => {
      const inner = live.bits(name);
      return { write: (...what) => this.#watch(() => inner.write(...what)) };
    };
    const watched = proxyWith(live, { bits });
    return proxyWith(store, { live: watched });
  }

  async #watch<T>(work: () => Promise<T>): Promise<T> {
    const write: BitsWrite = { changes: 0, end: () => {} };
    try {
      return await this.#current.run(write, work);
    } finally {
      write.end();
    }
  }

  #changed(): void {
    const write = this.#current.getStore();
    if (write === undefined) return;
    write.changes += 1;
    if (write.changes === 2) write.end = this.#underWay.begin(['materialise']);
  }
}

function proxyWith<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get: (_, key): unknown => {
      if (key in own) return Reflect.get(own, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
