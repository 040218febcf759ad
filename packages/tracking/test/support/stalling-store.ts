import type { BitmapStore } from '@tidemark/core';

/** Stores whose next changes take until the test lets them go on. */
export class Stall {
  #go: (() => void) | undefined;
  #until: Promise<void> = Promise.resolve();

  begin(): void {
    this.#until = new Promise((resolve) => {
      this.#go = resolve;
    });
  }

  end(): void {
    this.#go?.();
    this.#until = Promise.resolve();
  }

  /** Waits before the change is made as well as after it. */
  async run<T>(change: () => Promise<T>): Promise<T> {
    await this.#until;
    const result = await change();
    await this.#until;
    return result;
  }

  wrap(store: BitmapStore): BitmapStore {
    return {
      label: store.label,
      get diskSize() {
        return store.diskSize;
      },
      writable: store.writable,
      resizable: store.resizable,
      list: () => store.list(),
      load: (name) => store.load(name),
      live: store.live,
      acquire: (names, options) => this.run(() => store.acquire(names, options)),
      commit: (changes) => this.run(() => store.commit(changes)),
      prepare: (changes) => this.run(() => store.prepare(changes)),
      resize: (diskSize, options) => this.run(() => store.resize(diskSize, options)),
      confirmSize: () => store.confirmSize(),
      close: () => store.close(),
      [Symbol.asyncDispose]: () => store.close(),
    };
  }
}
