import { MemoryDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { createSidecar, openSidecarStore, type OpenSidecarStoreOptions } from '../../src/index.ts';
import { shared } from './shared.ts';
import { SimulatedDrive } from './simulated-drive.ts';

/** Bytes of the drive. */
export const SIZE = 65_536;

export type Opening = Partial<
  Pick<OpenSidecarStoreOptions, 'writable' | 'writesDrive' | 'isShared' | 'drive'>
>;

/** A sidecar, its drive and their clock, over many sessions. */
export class Sessions {
  readonly drive = new SimulatedDrive(SIZE);
  readonly file = new MemoryDevice({ size: 0, label: 'file' });
  readonly notices: string[] = [];
  readonly #killed: BitmapStore[] = [];

  static async begin(): Promise<Sessions> {
    const sessions = new Sessions();
    await createSidecar(sessions.file, { diskSize: SIZE });
    return sessions;
  }

  open(options: Opening = {}): Promise<BitmapStore> {
    return openSidecarStore({
      drive: this.drive,
      sidecar: shared(this.file),
      onNotice: (message) => this.notices.push(message),
      now: () => this.drive.now,
      ...options,
    });
  }

  async run<T>(work: (store: BitmapStore) => Promise<T>, options: Opening = {}): Promise<T> {
    await using store = await this.open(options);
    return await work(store);
  }

  /** The process ends here: nothing is closed. */
  async crash(work: (store: BitmapStore) => Promise<unknown>): Promise<void> {
    const store = await this.open({ writesDrive: true });
    await work(store);
    this.#killed.push(store);
  }

  async commit(...changes: Parameters<BitmapStore['commit']>[0]): Promise<void> {
    await this.run((store) => store.commit(changes));
  }

  /** State of each bitmap, or the reason why it is inconsistent. */
  states(options: Opening = {}): Promise<Readonly<Record<string, string>>> {
    return this.run(async (store) => {
      const bitmaps = await store.list();
      return Object.fromEntries(bitmaps.map(({ name, state, reason }) => [name, reason ?? state]));
    }, options);
  }
}

/** Dirty at its first granule. */
export const content = new DirtyBitmap(SIZE, 512);
content.set(0, 1);

export const create = (name: string, enabled = true) =>
  ({ op: 'create', name, enabled, content }) as const;

export const LEFT = 'it was in use when the program that recorded in it ended';
