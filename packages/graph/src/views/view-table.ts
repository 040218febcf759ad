import type { CheckpointFolder } from '@tidemark/checkpoint';
import { refusal } from '../errors.ts';
import type { NodeTable } from '../nodes/node-table.ts';
import { findNode } from '../nodes/open-node.ts';
import type { GraphAction } from '../transaction/graph-action.ts';
import { DriveView } from './drive-view.ts';
import { openScratch } from './scratch.ts';
import { View } from './view.ts';
import type { OpenedView, ViewEnd, ViewOptions } from './view-options.ts';

/** Of one program: each needs files and a socket. */
const MOST_VIEWS = 64;
const MOST_DRIVES = 256;

export interface ViewTableOptions {
  readonly nodes: NodeTable;
  readonly transaction: (actions: readonly GraphAction[]) => Promise<void>;
  readonly checkpoints: CheckpointFolder | undefined;
  readonly log: (message: string) => void;
}

/**
 * Drives as they were in one instant, for who copies them while they are written. A view belongs to
 * the client that opened it, and ends with it as if it had never been.
 */
export class ViewTable {
  readonly #options: ViewTableOptions;
  readonly #views = new Map<string, { readonly view: View; readonly client: object }>();

  constructor(options: ViewTableOptions) {
    this.#options = options;
  }

  /**
   * Begins at one instant over all of the drives. When this resolves, the sources are flushed, and
   * the view can be read. @throws USAGE, BITMAP_NOT_FOUND, BITMAP_BUSY, BITMAP_EXISTS,
   *   BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED, NO_SPACE; I/O codes: nothing was changed
   */
  async open(options: ViewOptions, client: object): Promise<OpenedView> {
    this.#check(options);
    const drives: DriveView[] = [];
    const view = new View(drives, this.#options);
    try {
      for (const each of options.drives) drives.push(await this.#prepare(each, options));
      const opened = await view.open();
      this.#views.set(view.id, { view, client });
      return opened;
    } catch (error) {
      await view.end({ keep: false });
      throw error;
    }
  }

  /** @throws USAGE: there is no such view; as `View.end` */
  async close(id: string, end: ViewEnd): Promise<void> {
    const found = this.#views.get(id);
    if (found === undefined) throw refusal(`View '${id}' is not found`);
    await found.view.end(end);
    this.#views.delete(id);
  }

  /** See `View.hold`. @throws USAGE: there is no such view */
  async hold(id: string): Promise<void> {
    const found = this.#views.get(id);
    if (found === undefined) throw refusal(`View '${id}' is not found`);
    found.view.hold();
  }

  /** The client is gone. */
  async abandon(client: object): Promise<void> {
    for (const [id, known] of this.#views) {
      if (known.client === client) await this.close(id, { keep: false });
    }
  }

  async closeAll(): Promise<void> {
    for (const id of this.#views.keys()) await this.close(id, { keep: false });
  }

  #check({ drives }: ViewOptions): void {
    if (this.#views.size >= MOST_VIEWS) throw refusal('Too many views');
    if (drives.length === 0) throw refusal('A view needs a drive');
    if (drives.length > MOST_DRIVES) throw refusal('Too many drives in a view');
    const names = new Set(drives.map(({ node }) => node));
    if (names.size < drives.length) throw refusal('A drive stands in a view twice');
    for (const { bitmap, onlyDirty } of drives) {
      if (onlyDirty === undefined) continue;
      if (bitmap === undefined) throw refusal("'only-dirty' needs a 'bitmap'");
      if (!isGranularity(onlyDirty))
        throw refusal("'only-dirty' must be a power of two, up to 2^24");
    }
  }

  async #prepare(options: ViewOptions['drives'][number], { scratch: folder }: ViewOptions) {
    const { nodes, log } = this.#options;
    const node = findNode(nodes, options.node);
    await node.drive();
    const scratch = await openScratch({ size: node.device.size, folder });
    return new DriveView({ options, node, scratch, log });
  }
}

function isGranularity(bytes: number): boolean {
  return bytes >= 512 && bytes <= 2 ** 24 && Number.isInteger(Math.log2(bytes));
}
