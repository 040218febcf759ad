import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import {
  createSidecar,
  lendSidecar,
  openSidecarStore,
  type SidecarDrive,
  type SidecarSessionOptions,
} from '../../src/index.ts';
import { shared } from './shared.ts';
import { SimulatedDrive } from './simulated-drive.ts';

export const SIZE = 65_536;
export const CLUSTER = 512;
const AUTOCLEAR = 88;

/** A drive in memory, its sidecar that QEMU could run on, and what QEMU would leave behind there. */
export class LentDrive {
  readonly facts = new SimulatedDrive(SIZE);
  readonly content = new MemoryDevice({ size: SIZE });
  readonly file = new MemoryDevice({ size: 0, label: 'file' });
  /** When the sidecar was written last, as `facts` of it. */
  readonly sidecarFacts = new SimulatedDrive(SIZE);

  static async make(): Promise<LentDrive> {
    const drive = new LentDrive();
    const options = { diskSize: SIZE, clusterSize: CLUSTER, dataFile: { name: '/vm/disk.raw' } };
    await createSidecar(drive.file, options);
    const content = new DirtyBitmap(SIZE, 512);
    await using store = await drive.open();
    await store.commit([{ op: 'create', name: 'a', enabled: true, content }]);
    return drive;
  }

  session(options: Partial<SidecarSessionOptions> = {}): SidecarSessionOptions {
    const { facts, content } = this;
    const drive: SidecarDrive = {
      label: 'raw drive',
      size: SIZE,
      facts: (wanted) => facts.facts(wanted),
      read: content.read.bind(content),
      extents: content.extents.bind(content),
    };
    return { drive, sidecar: this.over(this.file), now: () => facts.now, ...options };
  }

  /** A device with the facts of the sidecar's file, which outlives who closes it. */
  over(device: BlockDevice): SidecarSessionOptions['sidecar'] {
    const facts = this.sidecarFacts;
    return Object.assign(Object.create(shared(device)) as BlockDevice, {
      facts: facts.facts.bind(facts),
    });
  }

  open(options: Partial<SidecarSessionOptions> = {}): Promise<BitmapStore> {
    return openSidecarStore(this.session(options));
  }

  async lend(): Promise<void> {
    await lendSidecar(this.session());
  }

  /** QEMU opens the sidecar, writes the drive, stores its bitmaps and ends. */
  async qemuRuns(): Promise<void> {
    const bits = new Uint8Array(8);
    await this.file.read(bits, AUTOCLEAR);
    bits[0]! &= 0xbf;
    await this.file.write(bits, AUTOCLEAR);
    this.facts.write();
    this.sidecarFacts.now = this.facts.now;
    this.sidecarFacts.write();
  }

  /** As QEMU leaves an entry of its map behind that it has zeroed. @returns where the entry is */
  async zeroEntry(index: number): Promise<number> {
    const at = (await this.#table()) + index * 8;
    await this.file.write(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1), at);
    return at;
  }

  async entry(index: number): Promise<bigint> {
    return this.#u64((await this.#table()) + index * 8);
  }

  async #table(): Promise<number> {
    const l1 = await this.#u64(40);
    return Number((await this.#u64(Number(l1))) & 0x00ff_ffff_ffff_fe00n);
  }

  async #u64(at: number): Promise<bigint> {
    const bytes = new Uint8Array(8);
    await this.file.read(bytes, at);
    return new DataView(bytes.buffer).getBigUint64(0);
  }

  /** State of the bitmap, or the rule that it broke. */
  async state(): Promise<string> {
    await using store = await this.open({ writable: false });
    const [found] = await store.list();
    return found?.rule ?? found?.state ?? 'missing';
  }
}
