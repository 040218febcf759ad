import { rm } from 'node:fs/promises';
import { TidemarkError } from '@tidemark/core';
import { MemoryDisk } from '@tidemark/store-memory';
import type { TrackedDrive } from '@tidemark/tracking';
import { NodeDevice } from '../device/node-device.ts';
import { UnownedDevice } from '../device/unowned-device.ts';
import { refusal } from '../errors.ts';
import type { FormatChildren } from './open-format.ts';
import type { NodeOptions } from './node-options.ts';
import type { NodeUser } from './node-user.ts';
import type { Reopening } from './adopt-drive.ts';
import type { OpenedDisk } from './opened-disk.ts';
import { type DiskTracking, trackDisk } from './track-disk.ts';

export interface BlockNodeOptions {
  readonly name: string;
  readonly options: NodeOptions;
  /** Whether it was made inside another one's options, and goes with that. */
  readonly isInline: boolean;
  readonly disk: OpenedDisk;
  /** Of a format. */
  readonly children: FormatChildren | undefined;
  readonly checkpoints: string | undefined;
  readonly onNotice: (message: string) => void;
}

/** The place of a node under another one. */
export interface NodeParent {
  readonly node: BlockNode;
  readonly role: 'file' | 'backing' | 'data-file';
}

/**
 * A named disk of the graph. Users read and write its `device`, which records; other nodes are built
 * on its `disk`, which does not, so nobody uses both for writing.
 */
export class BlockNode {
  readonly name: string;
  readonly isInline: boolean;
  /** Whether it is a drive of the command line, with everything that belongs to it. */
  readonly isDevice: boolean;
  readonly device: NodeDevice;
  readonly parents = new Set<NodeParent>();
  readonly users = new Set<NodeUser>();
  options: NodeOptions;
  disk: OpenedDisk;
  children: FormatChildren | undefined;
  tracked: TrackedDrive | undefined;
  /** It is being handed over, or was and nobody knows to whom: it may be open elsewhere by now. */
  isAway = false;
  /** Of a drive of the command line whose files can be closed and opened again. */
  readonly reopening: Reopening | undefined;
  readonly #about: Pick<BlockNodeOptions, 'checkpoints' | 'onNotice'>;
  readonly #transient: MemoryDisk;
  #tracking: DiskTracking | undefined;

  constructor({
    tracked,
    reopening,
    ...options
  }: BlockNodeOptions & {
    readonly tracked?: TrackedDrive;
    readonly reopening?: Reopening | undefined;
  }) {
    const { name, isInline, disk, children, ...about } = options;
    this.name = name;
    this.options = options.options;
    this.tracked = tracked;
    this.reopening = reopening;
    this.isDevice = tracked !== undefined;
    this.isInline = isInline;
    this.disk = disk;
    this.children = children;
    this.#about = about;
    this.#transient = new MemoryDisk(disk.device.size);
    this.device = new NodeDevice(tracked?.device ?? new UnownedDevice(disk.device), {
      discards: this.options.discard === 'unmap',
      detectZeroes: this.options['detect-zeroes'] ?? 'off',
    });
  }

  get driver(): NodeOptions['driver'] {
    return this.options.driver;
  }

  /** Of what clients of older commands call a device: nodes that came with a device have one. */
  get deviceName(): string {
    return this.isDevice ? this.name : '';
  }

  /** What other nodes under or behind this one are, nearest first. */
  get backing(): BlockNode | undefined {
    return this.children?.backing ?? undefined;
  }

  /**
   * The drive that records what users write. Formats have it from the start, protocols once somebody
   * uses them without one. @throws as `trackDisk`
   */
  async drive(): Promise<TrackedDrive> {
    if (this.isAway) throw refusal(`Node '${this.name}' is busy: it is being handed over`);
    if (this.tracked !== undefined) return this.tracked;
    const above = [...this.parents].find(({ node, role }) => {
      return role !== 'backing' && node.disk.writable;
    });
    if (above !== undefined) {
      const uses = `node '${above.node.name}' uses it as '${above.role}' child`;
      throw refusal(`Permission conflict on node '${this.name}': ${uses}`);
    }
    await this.track();
    return this.tracked!;
  }

  /** Begins to record. */
  async track(): Promise<void> {
    await this.device.replace(async () => {
      await this.#open();
      return this.tracked!.device;
    });
  }

  /** Stores the bitmaps and records no longer. Who uses the node waits until it does again. */
  async untrack(): Promise<void> {
    await this.tracked?.close();
    this.tracked = undefined;
  }

  /** For who has opened its files again, while users wait. */
  async trackAgain(): Promise<TrackedDrive> {
    if (this.tracked === undefined) await this.#open();
    return this.tracked!;
  }

  /** Whether bitmaps can outlive it. */
  get hasStore(): boolean {
    return this.#tracking?.hasStore === true;
  }

  /** Gives the disk another size, in bytes, and its bitmaps with it. @throws USAGE: it is in use */
  async resize(size: number): Promise<void> {
    for (const { kind, fixesSize } of this.users) {
      if (!fixesSize) continue;
      if (kind !== 'export') {
        throw refusal(`Node '${this.name}' is busy: block device is in use by block job: backup`);
      }
      const device = `an unnamed block device (uses node '${this.name}' as 'root' child)`;
      const text = `permissions 'resize' are both required by ${device} and unshared by ${device}.`;
      throw refusal(`Permission conflict on node '${this.name}': ${text}`);
    }
    await this.device.resize(size);
  }

  /**
   * Closes what is behind the node and lets `open` put something else in its place, while users wait.
   * Whatever `open` throws, it has left a disk that is open.
   */
  async reopen(open: () => Promise<void>): Promise<void> {
    let failure: unknown;
    const wasTracked = this.tracked !== undefined;
    await this.device.replace(async () => {
      await this.untrack();
      await this.disk.device.close();
      await open().catch((error: unknown) => (failure = error));
      if (wasTracked) await this.#open();
      return this.tracked?.device ?? new UnownedDevice(this.disk.device);
    });
    if (failure !== undefined) throw failure;
  }

  /**
   * Lets other policies of tracking hold, those of `options`, while its users wait. @throws
   * BITMAP_BUSY: somebody uses a bitmap of it; as `trackDisk`. All is as it was then
   */
  async retune(options: NodeOptions): Promise<void> {
    await this.#changeTracking({ options });
  }

  /** Whether its bitmaps may be kept in a file that is not there yet. */
  get lacksSidecar(): boolean {
    const { isLocal, image, writable } = this.disk;
    const wants = isLocal && image === undefined && writable && !this.isDevice;
    return wants && this.#tracking?.hasStore === false;
  }

  /**
   * Makes the sidecar of a raw drive. Writes wait meanwhile. @throws BITMAP_BUSY: somebody uses a
   * bitmap of it; as `trackDisk`. Nothing was changed then
   */
  async makeSidecar(): Promise<void> {
    await this.#changeTracking({ createSidecar: true });
  }

  /** Takes a sidecar away again that was made in vain. */
  async removeSidecar(): Promise<void> {
    const path = this.#tracking?.sidecarPath;
    const bitmaps = (await this.tracked?.states()) ?? [];
    if (path === undefined || bitmaps.some(({ persistent }) => persistent)) return;
    await this.#changeTracking({ before: () => rm(path, { force: true }) });
  }

  async #changeTracking({
    createSidecar = false,
    options = this.options,
    before = async () => {},
  }: {
    readonly createSidecar?: boolean;
    readonly options?: NodeOptions;
    readonly before?: () => Promise<void>;
  }): Promise<void> {
    const drive = await this.drive();
    const busy = (await drive.states()).find((info) => info.busy);
    if (busy !== undefined || drive.trouble !== undefined) {
      const text = `Node ${this.name} is in use`;
      throw new TidemarkError('BITMAP_BUSY', text, { where: this.name });
    }
    let failure: unknown;
    const previous = this.options;
    await this.device.replace(async () => {
      await this.untrack();
      await before();
      this.options = options;
      await this.#open({ createSidecar }).catch(async (error: unknown) => {
        failure = error;
        this.options = previous;
        await this.#open();
      });
      return this.tracked!.device;
    });
    if (failure !== undefined) throw failure;
  }

  async #open(options: { readonly createSidecar?: boolean } = {}): Promise<void> {
    const about = { ...this.#about, ...options, transient: this.#transient };
    const { name, disk } = this;
    this.#tracking = await trackDisk({ name, disk, options: this.options, ...about });
    this.tracked = this.#tracking.drive;
  }
}
