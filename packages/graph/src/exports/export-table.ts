import type { EmitEvent } from '../events.ts';
import { nodeNotFound, refusal } from '../errors.ts';
import { WriteThroughDevice } from '../device/write-through-device.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import { isId } from '../nodes/names.ts';
import type { NodeTable } from '../nodes/node-table.ts';
import type { NodeUser } from '../nodes/node-user.ts';
import { BlockExport, type ExportInfo, type ExportRecipe } from './block-export.ts';
import { ExportedBitmaps } from './exported-bitmaps.ts';
import type { ExportOptions, WholeExportOptions } from './export-options.ts';
import type { NbdService } from './nbd-service.ts';

const MAX_DESCRIPTION = 4096;

export interface ExportTableOptions {
  readonly nodes: NodeTable;
  readonly nbd: NbdService;
  readonly emit: EmitEvent;
}

/** What NBD clients can reach, by the ids of exports, oldest first. */
export class ExportTable {
  readonly #nodes: NodeTable;
  readonly #nbd: NbdService;
  readonly #emit: EmitEvent;
  readonly #exports = new Map<string, BlockExport>();

  constructor({ nodes, nbd, emit }: ExportTableOptions) {
    this.#nodes = nodes;
    this.#nbd = nbd;
    this.#emit = emit;
  }

  /** Newest first, as QEMU answers. */
  list(): readonly ExportInfo[] {
    return Array.from(this.#exports.values(), ({ info }) => info).toReversed();
  }

  /**
   * Makes a node an NBD export. The bitmaps that it shows are busy until it goes.
   * @throws USAGE, BITMAP_NOT_FOUND, BITMAP_BUSY, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED
   */
  async add(options: ExportOptions): Promise<void> {
    const { id, 'node-name': nodeName, writable = false, name = nodeName } = options;
    if (!isId(id)) throw refusal('Invalid block export id');
    if (this.#exports.has(id)) throw refusal(`Block export id '${id}' is already in use`);
    const node = this.#nodes.get(nodeName);
    if (node === undefined) throw nodeNotFound(nodeName, '');
    if (writable && !node.disk.writable) throw refusal('Cannot export read-only node as writable');
    const { description = '' } = options;
    if (Buffer.byteLength(name) > MAX_DESCRIPTION) throw refusal(`export name '${name}' too long`);
    if (Buffer.byteLength(description) > MAX_DESCRIPTION)
      throw refusal(`description '${description}' too long`);
    await this.#offer(id, node, { ...options, name });
  }

  /**
   * A node with all of its bitmaps, as they come and go, which anybody may change meanwhile. Written
   * where the node is, unless `writable` is false. Default names: the node's.
   * @throws USAGE: its id or name is taken, or the server does not run
   */
  async addWhole(node: BlockNode, options: Partial<WholeExportOptions> = {}): Promise<void> {
    const { id = node.name, name = node.name, writable = true, ...others } = options;
    const recipe = { kind: 'whole', options: { ...options, id, name } } as const;
    if (this.#exports.has(id)) throw refusal(`Block export id '${id}' is already in use`);
    await node.drive();
    // The drive that records can be exchanged under its users.
    const bitmaps = () => node.tracked?.readers() ?? [];
    const common = { 'allocation-depth': true, ...others, name, bitmaps };
    this.#put({ id, recipe }, node, { ...common, ...(!writable && { readOnly: true }) }, undefined);
  }

  /** Those of a node, oldest first. */
  of(node: BlockNode): readonly BlockExport[] {
    return [...this.#exports.values()].filter((exported) => exported.node === node);
  }

  /** Hangs up on all clients of a node in this tick: what is under way is not answered. */
  async cut(node: BlockNode): Promise<void> {
    await Promise.all(this.of(node).map((exported) => this.#withdraw(exported, exported.cut())));
  }

  /** Whether an export of this id and name can be made now. */
  hasRoomFor({ id, name }: { readonly id: string; readonly name: string }): boolean {
    return (
      this.#nbd.address !== undefined && !this.#exports.has(id) && !this.#nbd.running.has(name)
    );
  }

  /** Makes an export as another one was made, of a node that may have another name. @throws as `add` */
  async addLike(recipe: ExportRecipe, node: BlockNode): Promise<void> {
    if (recipe.kind === 'whole') return this.addWhole(node, recipe.options);
    const { 'node-name': before, name = before, bitmaps, ...options } = recipe.options;
    const moved = bitmaps?.map((bitmap) =>
      typeof bitmap === 'string' || bitmap.node !== before
        ? bitmap
        : { ...bitmap, node: node.name },
    );
    await this.add({ ...options, name, 'node-name': node.name, ...(moved && { bitmaps: moved }) });
  }

  /**
   * `safe`: only where nobody uses it. @throws USAGE: it is not there, or is used
   */
  async remove(id: string, mode: 'safe' | 'hard'): Promise<void> {
    const found = this.#exports.get(id);
    if (found === undefined) throw refusal(`Export '${id}' is not found`);
    if (found.info.shuttingDown) throw refusal(`Export '${id}' is already shutting down`);
    if (mode === 'safe' && found.clients > 0) throw refusal(`export '${id}' still in use`);
    await this.#remove(found);
  }

  /** Ends the server after all of its exports. @throws USAGE: it does not run */
  async stopServer(): Promise<void> {
    void this.#nbd.running;
    for (const exported of [...this.#exports.values()]) await this.#remove(exported);
    await this.#nbd.stop();
  }

  async #offer(
    id: string,
    node: BlockNode,
    options: ExportOptions & { readonly name: string },
  ): Promise<void> {
    const { name, writable = false } = options;
    this.#checkName(name);
    await node.drive();
    const find = (other: string) => this.#nodes.get(other);
    const about = { node, isReadOnly: !writable, find };
    const held = await ExportedBitmaps.hold(options.bitmaps ?? [], about);
    try {
      const readers = () => held.readers;
      const recipe = { kind: 'chosen', options } as const;
      this.#put({ id, recipe }, node, { ...options, readOnly: !writable, bitmaps: readers }, held);
    } catch (error) {
      held.release();
      throw error;
    }
  }

  #put(
    { id, recipe }: { readonly id: string; readonly recipe: ExportRecipe },
    node: BlockNode,
    options: Omit<Partial<ExportOptions>, 'bitmaps'> & {
      readonly name: string;
      readonly readOnly?: boolean;
      readonly bitmaps: () => ExportedBitmaps['readers'];
    },
    held: ExportedBitmaps | undefined,
  ): void {
    const { name, description, readOnly, bitmaps, writethrough = false } = options;
    this.#checkName(name);
    const handle = this.#nbd.offer({
      name,
      device: writethrough ? new WriteThroughDevice(node.device) : node.device,
      blockSize: { minimum: node.disk.smallestBlock },
      allocationDepth: options['allocation-depth'] ?? false,
      bitmaps,
      ...(description !== undefined && { description }),
      ...(readOnly !== undefined && { readOnly }),
    });
    const user: NodeUser = { kind: 'export', fixesSize: held !== undefined };
    node.users.add(user);
    this.#exports.set(id, new BlockExport({ id, node, user, handle, recipe, bitmaps: held }));
  }

  #checkName(name: string): void {
    // Before anything is held.
    if (this.#nbd.running.has(name)) {
      throw refusal(`NBD server already has export named '${name}'`);
    }
  }

  async #remove(exported: BlockExport): Promise<void> {
    await this.#withdraw(exported, exported.remove());
  }

  async #withdraw(exported: BlockExport, gone: Promise<void>): Promise<void> {
    await gone;
    this.#exports.delete(exported.id);
    this.#emit({ name: 'BLOCK_EXPORT_DELETED', data: { id: exported.id } });
  }
}
