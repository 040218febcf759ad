import type { EmitEvent } from '../events.ts';
import { nodeNotFound, refusal } from '../errors.ts';
import { WriteThroughDevice } from '../device/write-through-device.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import { isId } from '../nodes/names.ts';
import type { NodeTable } from '../nodes/node-table.ts';
import type { NodeUser } from '../nodes/node-user.ts';
import { BlockExport, type ExportInfo } from './block-export.ts';
import { ExportedBitmaps } from './exported-bitmaps.ts';
import type { ExportOptions } from './export-options.ts';
import type { NbdService } from './nbd-service.ts';

const MAX_DESCRIPTION = 4096;

/** See `ExportOptions`. */
type WholeExportOptions = Omit<ExportOptions, 'bitmaps' | 'node-name'>;

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
    if (this.#exports.has(id)) throw refusal(`Block export id '${id}' is already in use`);
    await node.drive();
    // The drive that records can be exchanged under its users.
    const bitmaps = () => node.tracked?.readers() ?? [];
    const common = { 'allocation-depth': true, ...others, name, bitmaps };
    this.#put(id, node, { ...common, ...(!writable && { readOnly: true }) }, undefined);
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
      this.#put(id, node, { ...options, readOnly: !writable, bitmaps: () => held.readers }, held);
    } catch (error) {
      held.release();
      throw error;
    }
  }

  #put(
    id: string,
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
    this.#exports.set(id, new BlockExport({ id, node, user, handle, bitmaps: held }));
  }

  #checkName(name: string): void {
    // Before anything is held.
    if (this.#nbd.running.has(name)) {
      throw refusal(`NBD server already has export named '${name}'`);
    }
  }

  async #remove(exported: BlockExport): Promise<void> {
    await exported.remove();
    this.#exports.delete(exported.id);
    this.#emit({ name: 'BLOCK_EXPORT_DELETED', data: { id: exported.id } });
  }
}
