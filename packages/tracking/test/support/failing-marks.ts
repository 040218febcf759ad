import { type BitmapStore, type LiveBitmaps, TidemarkError, type WriteLease } from '@tidemark/core';

/** What a store is asked for fails as the test says. */
export class FailingMarks {
  /** Thrown by writes of bits. */
  bits: TidemarkError | undefined;
  /** Thrown by syncs. */
  sync: TidemarkError | undefined;
  /** Thrown by commits. */
  commit: TidemarkError | undefined;
  lease: WriteLease | undefined;
  /** Writes of bits so far. */
  attempts = 0;

  wrap(store: BitmapStore): BitmapStore {
    const live = this.#live(store.live!);
    const commit: BitmapStore['commit'] = async (changes) => {
      if (this.commit !== undefined) throw this.commit;
      await store.commit(changes);
    };
    return new Proxy(store, {
      get(target, key) {
        if (key === 'live') return live;
        if (key === 'commit') return commit;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  #live(live: LiveBitmaps): LiveBitmaps {
    const write = async (name: string, bytes: Uint8Array, at: number) => {
      this.attempts += 1;
      if (this.bits !== undefined) throw this.bits;
      await live.bits(name).write(bytes, at);
    };
    return {
      inUse: live.inUse,
      lease: this.lease,
      bits: (name) => ({ write: (bytes, at) => write(name, bytes, at) }),
      sync: async () => {
        if (this.sync !== undefined) throw this.sync;
        await live.sync();
      },
    };
  }
}

export const full = (): TidemarkError => new TidemarkError('NO_SPACE', 'no space is left');
export const broken = (): TidemarkError => new TidemarkError('IO_FAILED', 'a bad sector');
