import type { IntentFileHandle, IntentFileSystem } from '@tidemark/checkpoint';
import { VolatileFiles } from '../../../../tools/device/volatile-files.ts';
import type { Random } from './random.ts';
import { turn } from './slow-disk.ts';

/** Where intents are: files that answer after a while, and of which a power cut leaves some. */
export class FolderOfIntents {
  readonly #random: Random;
  #files = new VolatileFiles();

  constructor(random: Random) {
    this.#random = random;
  }

  /** What a power cut now would leave. */
  cut(): VolatileFiles {
    return this.#files.freeze()(() => this.#random.chance(50));
  }

  powerFails(): void {
    this.#files = this.cut();
  }

  /** How many intents there are. */
  get count(): number {
    return this.#files.names.filter((name) => name.endsWith('.json')).length;
  }

  /** For one process, which has died once `isDead` says so. */
  session(isDead: () => boolean): IntentFileSystem {
    const files = this.#files;
    const slowly = async <T>(work: () => Promise<T>): Promise<T> => {
      for (let turns = this.#random.int(4); turns > 0; turns--) await turn();
      // What a dead process asks for is never answered.
      if (isDead()) return new Promise<T>(() => {});
      return work();
    };
    const slowHandle = (file: IntentFileHandle): IntentFileHandle => ({
      readFile: () => slowly(() => file.readFile()),
      stat: () => file.stat(),
      writeFile: (bytes) => slowly(() => file.writeFile(bytes)),
      sync: () => slowly(() => file.sync()),
      close: () => file.close(),
    });
    return {
      open: (path, flags) => slowly(async () => slowHandle(await files.open(path, flags))),
      mkdir: () => slowly(() => files.mkdir()),
      readdir: () => slowly(() => files.readdir()),
      rename: (from, to) => slowly(() => files.rename(from, to)),
      unlink: (path) => slowly(() => files.unlink(path)),
    };
  }
}
