import { DirtyBitmap } from '@tidemark/core';
import type { BlockDevice } from '@tidemark/block';
import type { NbdBitmap, NbdExport } from '@tidemark/nbd';
import type { DriveAction, FrozenBitmap, TrackedDrive } from '@tidemark/tracking';
import { ReadsUnderWay } from '../device/reads-under-way.ts';
import { CopyBeforeWrite } from '../jobs/copy-before-write.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import type { NodeUser } from '../nodes/node-user.ts';
import { ViewDevice } from './view-device.ts';
import type { ViewedDrive } from './view-options.ts';

/** Bytes that are copied at once, at least. */
const SMALLEST_CLUSTER = 65_536;

/** One drive of a view, from the instant at which it begins. */
export class DriveView {
  readonly device: ViewDevice;
  readonly node: BlockNode;
  readonly options: ViewedDrive;
  readonly #copy: CopyBeforeWrite;
  readonly #scratch: BlockDevice;
  readonly #cluster: number;
  readonly #user: NodeUser = { kind: 'view', fixesSize: true };
  readonly #log: (message: string) => void;
  #wanted: DirtyBitmap | undefined;
  #broken: Error | undefined;
  /** Bits at the instant, by name. */
  readonly #shown = new Map<string, DirtyBitmap>();
  #frozen: (FrozenBitmap & { readonly bits: DirtyBitmap }) | undefined;

  constructor({ options, node, scratch, log }: DriveViewOptions) {
    this.options = options;
    this.node = node;
    this.#scratch = scratch;
    this.#log = log;
    this.#cluster = Math.max(SMALLEST_CLUSTER, options.onlyDirty ?? 0);
    this.#copy = new CopyBeforeWrite({
      source: node.device,
      target: scratch,
      targetReads: new ReadsUnderWay(),
      cluster: this.#cluster,
      onBroken: (error) => this.#break(error),
    });
    this.device = new ViewDevice({
      label: `view of '${node.name}'`,
      source: node.device,
      copy: this.#copy,
      scratch,
      wanted: () => this.#wanted,
      whyBroken: () => this.#broken,
    });
    node.users.add(this.#user);
  }

  /** The bitmap that it shows, which stands still until the view ends. */
  get frozen(): FrozenBitmap | undefined {
    return this.#frozen;
  }

  /** What begins in one tick with all drives of the view. */
  steps(drive: TrackedDrive): readonly DriveAction[] {
    const pending = this.#copy.nothing();
    const { bitmap: name, onlyDirty } = this.options;
    if (onlyDirty === undefined) pending.setAll();
    const steps: DriveAction[] = [];
    if (name !== undefined) {
      const begun = ({ id, bits }: { readonly id: string; readonly bits: DirtyBitmap }) => {
        this.#frozen = { drive, name, id, bits };
        if (onlyDirty === undefined) return;
        pending.merge(bits);
        this.#wanted = pending.clone();
      };
      const use = this.options.isRead ? 'read' : 'change';
      steps.push({ drive, action: { op: 'freeze', name, use, begun } });
    }
    const begin = () => {
      for (const shown of this.options.shows ?? []) {
        const bits = drive.recording(shown);
        if (bits !== undefined) this.#shown.set(shown, bits.clone());
      }
      this.#copy.begin(pending);
      this.node.device.addFilter(this.#copy);
    };
    const undo = () => {
      this.node.device.removeFilter(this.#copy);
      this.#frozen = undefined;
    };
    return [...steps, { drive, action: { op: 'instant', begin, undo } }];
  }

  /** As it is offered to who reads the view. */
  exported(): NbdExport {
    const { name } = this.node;
    const frozen = this.#frozen;
    const bitmaps: NbdBitmap[] = frozen ? [{ name: frozen.name, content: () => frozen.bits }] : [];
    for (const [shown, bits] of this.#shown) bitmaps.push({ name: shown, content: () => bits });
    return { name, device: this.device, readOnly: true, bitmaps: () => bitmaps };
  }

  /** Lets the bitmap go on, as if it had never stood still. Does not throw. */
  async thaw(): Promise<void> {
    const frozen = this.#frozen;
    if (frozen === undefined) return;
    this.#frozen = undefined;
    const { drive, name, id } = frozen;
    await drive
      .release({ name, id, clear: false })
      .catch((error: unknown) => this.#log(`bitmap '${name}' stays frozen: ${String(error)}`));
  }

  /** Bitmaps have begun anew: there is nothing to let go. */
  forgetFreeze(): void {
    this.#frozen = undefined;
  }

  /** Nothing is kept any more. Does not throw. */
  async close(): Promise<void> {
    this.#copy.end();
    await this.#copy.idle();
    this.node.device.removeFilter(this.#copy);
    this.node.users.delete(this.#user);
    await this.#scratch
      .close()
      .catch((error: unknown) => this.#log(`a scratch file did not close: ${String(error)}`));
  }

  #break(error: Error): void {
    this.#broken = error;
    this.#log(`the view of '${this.node.name}' ended: ${error.message}`);
  }
}

interface DriveViewOptions {
  readonly options: ViewedDrive;
  readonly node: BlockNode;
  /** As large as the drive. Its owner is the view from now on. */
  readonly scratch: BlockDevice;
  readonly log: (message: string) => void;
}
