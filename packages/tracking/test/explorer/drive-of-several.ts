import { CheckpointFolder, openCheckpointed } from '@tidemark/checkpoint';
import type { BitmapStore } from '@tidemark/core';
import { FOLDER } from '../../../../tools/device/volatile-files.ts';
import { UnderWay } from './census.ts';
import { Epochs } from './epochs.ts';
import { examineOpen } from './examine.ts';
import type { FolderOfIntents } from './folder-of-intents.ts';
import { Process } from './process.ts';
import { Leaks } from './leaks.ts';
import { GRANULE, type Remains, type Setting } from './setting.ts';

export const BITMAP = 'n';

/** What is left of a drive, and what was owed then. */
export interface Cut {
  readonly remains: Remains;
  readonly epochs: Epochs;
  /** What is wrong with its image. */
  readonly check: () => readonly string[];
}

/** What a bitmap is found to be. */
export interface Found {
  readonly checkpoint: string | undefined;
  readonly lost: string | undefined;
  /** Granules that have changed since its checkpoint and are clean. */
  readonly stale: readonly number[];
}

/** One of several drives that have checkpoints in common. */
export class DriveOfSeveral {
  readonly place: string;
  readonly setting: Setting;
  readonly picture = new Map<number, number>();
  readonly epochs = new Epochs();
  readonly leaks = new Leaks();
  process = new Process();
  /** As the process has it. */
  #store!: BitmapStore;

  constructor(place: string, setting: Setting) {
    this.place = place;
    this.setting = setting;
  }

  /**
   * For a new process. What was cut off of a checkpoint is finished. `isExact`: nothing that the one
   * before it did can still be lost.
   */
  async open(folder: FolderOfIntents, isDead: () => boolean, isExact: boolean): Promise<void> {
    this.leaks.begin((await this.setting.cut()).bitmapFile, isExact);
    this.leaks.change([{ op: 'clear', name: BITMAP }]);
    const intents = new CheckpointFolder(`/${FOLDER}`, folder.session(isDead));
    const { setting, place } = this;
    const open = async (underWay: UnderWay) => {
      const opened = await setting.open(underWay);
      this.#store = await openCheckpointed(opened.store, { folder: intents, place });
      return { ...opened, store: this.#store };
    };
    this.process = new Process();
    const watched = setting.isOneFile ? { watch: this.leaks } : {};
    await this.process.open({ open }, this.picture, watched);
    this.leaks.change(undefined);
    const { picture } = await examineOpen(this.process.drive, this.picture.keys());
    for (const [granule, stamp] of picture) this.picture.set(granule, stamp);
  }

  /** The checkpoint that users are told now; or why there is none. */
  async told(): Promise<string | undefined> {
    const info = (await this.#store.list()).find(({ name }) => name === BITMAP);
    return info?.checkpoint ?? info?.checkpointLost;
  }

  /** A power cut leaves this now. `judge` says what it is worth. */
  async cut(): Promise<Cut> {
    const epochs = this.epochs.now();
    const remains = await this.setting.cut();
    return { remains, epochs, check: this.leaks.look(remains.bitmapFile) };
  }

  /** `intents`: as the power cut has left them. */
  async judge(
    { remains, epochs }: Pick<Cut, 'remains' | 'epochs'>,
    intents: CheckpointFolder,
  ): Promise<Found | undefined> {
    const { device, store } = await remains.open();
    const raw = (await store.list()).find(({ name }) => name === BITMAP);
    if (raw === undefined) return undefined;
    const told = await openCheckpointed(store, { folder: intents, place: this.place });
    const lost = (await told.list()).find(({ name }) => name === BITMAP)?.checkpointLost;
    const { checkpoint } = raw;
    const bits = await store.load(BITMAP);
    const picture = new Map<number, number>();
    for (const granule of this.picture.keys()) {
      const bytes = new Uint8Array(GRANULE);
      await device.read(bytes, granule * GRANULE);
      picture.set(granule, new DataView(bytes.buffer).getUint32(0));
    }
    const isDirty = (granule: number) => bits.isDirty(granule * GRANULE);
    const stale = checkpoint === undefined ? [] : epochs.stale(checkpoint, picture, isDirty);
    return { checkpoint, lost, stale: stale ?? [-1] };
  }
}
