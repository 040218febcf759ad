import type { BlockDevice, MemoryDevice } from '@tidemark/block';
import { type Keeps, powerCut, RecordingDevice } from '@tidemark/block/testing';
import { type Survives, VolatileFiles } from '../../../../tools/device/volatile-files.ts';

/** All that is on disks. */
export interface Disks {
  readonly files: readonly MemoryDevice[];
  readonly folder: VolatileFiles;
}

/** A moment: how much of each file's history is past, and what of the folder may be there. */
interface Moment {
  readonly counts: readonly number[];
  /** Of the folder as it was then, made when the moment is looked at. */
  readonly folder: (survives: Survives) => VolatileFiles;
}

/** The same disks, and everything that is done to them. */
export class Recorded {
  readonly devices: readonly BlockDevice[];
  readonly folder: VolatileFiles;
  readonly #recorders: readonly RecordingDevice[];
  readonly #moments: Moment[] = [];

  private constructor(recorders: readonly RecordingDevice[], folder: VolatileFiles) {
    this.#recorders = recorders;
    this.folder = folder;
    this.devices = recorders.map((recorder) => this.#noting(recorder));
    folder.changed = () => this.#note();
    this.#note();
  }

  static async on({ files, folder }: Disks): Promise<Recorded> {
    const recorders: RecordingDevice[] = [];
    for (const file of files) recorders.push(await RecordingDevice.startOn(file));
    return new Recorded(recorders, folder);
  }

  get momentCount(): number {
    return this.#moments.length;
  }

  /** What a power cut leaves at a moment. */
  async cut(moment: number, survives: Survives): Promise<Disks> {
    const { counts, folder } = this.#moments[moment]!;
    const keeps: Keeps = () => survives();
    const files: MemoryDevice[] = [];
    for (const [index, { base, events }] of this.#recorders.entries()) {
      files.push(await powerCut(base, events.slice(0, counts[index]), keeps));
    }
    return { files, folder: folder(survives) };
  }

  #noting(recorder: RecordingDevice): BlockDevice {
    return new Proxy<BlockDevice>(recorder, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const result: unknown = Reflect.apply(value, target, args);
          if (result instanceof Promise) return result.finally(() => this.#note());
          this.#note();
          return result;
        };
      },
    });
  }

  #note(): void {
    const counts = this.#recorders.map(({ events }) => events.length);
    const last = this.#moments.at(-1);
    const { folder } = this;
    const frozen = folder.freeze();
    const isNews = frozen !== last?.folder || counts.some((it, i) => it !== last.counts[i]);
    if (isNews) this.#moments.push({ counts, folder: frozen });
  }
}
