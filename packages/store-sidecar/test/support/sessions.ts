import { MemoryDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { type Control, openQcow2 } from '@tidemark/qcow2';
import { createSidecar, openSidecarStore, type OpenSidecarStoreOptions } from '../../src/index.ts';
import { shared } from './shared.ts';
import { SimulatedDrive } from './simulated-drive.ts';

/** Bytes of the drive. */
export const SIZE = 65_536;

export type Opening = Partial<
  Pick<OpenSidecarStoreOptions, 'writable' | 'writesDrive' | 'isShared' | 'drive' | 'isReplaced'>
>;

const emptyFile = () => new MemoryDevice({ size: 0, label: 'file' });

/** A sidecar, its drive and their clock, over many sessions. */
export class Sessions {
  readonly drive: SimulatedDrive;
  readonly file: MemoryDevice;
  readonly notices: string[] = [];
  readonly #killed: BitmapStore[] = [];
  #timers: { readonly at: number; readonly work: () => void }[] = [];

  /** `file`: a sidecar that was made already. */
  constructor({ drive = new SimulatedDrive(SIZE), file = emptyFile() } = {}) {
    this.drive = drive;
    this.file = file;
  }

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
      later: (work, time) => void this.#timers.push({ at: this.drive.now + time, work }),
      ...options,
    });
  }

  /** Time passes, and what was to be done by then is done. */
  async pass(milliseconds: number): Promise<void> {
    for (const end = this.drive.now + milliseconds; this.drive.now < end;) {
      this.drive.now = Math.min(end, this.drive.now + 500);
      const due = this.#timers.filter(({ at }) => at <= this.drive.now);
      this.#timers = this.#timers.filter(({ at }) => at > this.drive.now);
      for (const { work } of due) work();
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
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

  /** What the sidecar says of its drive. */
  async said(): Promise<Control> {
    const found = (await openQcow2(shared(this.file))).metadata.control;
    if (found === undefined || 'problem' in found) throw new Error('it says nothing');
    return found.control;
  }

  /** State of each bitmap, or the rule that it broke. */
  rules(options: Opening = {}): Promise<Readonly<Record<string, string>>> {
    return this.run(async (store) => {
      const bitmaps = await store.list();
      return Object.fromEntries(bitmaps.map(({ name, state, rule }) => [name, rule ?? state]));
    }, options);
  }

  /** State of each bitmap, or the reason why it is inconsistent. */
  states(options: Opening = {}): Promise<Readonly<Record<string, string>>> {
    return this.run(async (store) => {
      const bitmaps = await store.list();
      return Object.fromEntries(bitmaps.map(({ name, state, reason }) => [name, reason ?? state]));
    }, options);
  }
}

/** As tracking does: waits until a write may begin, and says when it ends. */
export async function writing(store: BitmapStore, write: () => unknown): Promise<void> {
  const lease = store.live!.lease!;
  while (!lease.allowsWrite()) await lease.renew();
  lease.begin();
  try {
    await write();
  } finally {
    lease.end();
  }
}

/** Dirty at its first granule. */
export const content = new DirtyBitmap(SIZE, 512);
content.set(0, 1);

export const create = (name: string, enabled = true) =>
  ({ op: 'create', name, enabled, content }) as const;

export const LEFT = 'it was in use when the program that recorded in it ended';
