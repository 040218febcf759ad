import type { NbdExportHandle, NbdRequestCount } from '@tidemark/nbd';
import type { BlockNode } from '../nodes/block-node.ts';
import type { NodeUser } from '../nodes/node-user.ts';
import type { ExportedBitmaps } from './exported-bitmaps.ts';
import type { ExportOptions, WholeExportOptions } from './export-options.ts';

/** What query-block-exports tells of an export. */
export interface ExportInfo {
  readonly id: string;
  readonly type: 'nbd';
  readonly node: string;
  /** What NBD clients call it. */
  readonly name: string;
  readonly readOnly: boolean;
  /** Those that clients see now. */
  readonly bitmaps: readonly string[];
  readonly shuttingDown: boolean;
  /** Who uses it now. */
  readonly clients: number;
  /** What clients have asked of it. */
  readonly counts: readonly NbdRequestCount[];
}

/** What makes the same export of a node. */
export type ExportRecipe =
  | { readonly kind: 'chosen'; readonly options: ExportOptions }
  /** With all of the node's bitmaps, as they come and go. */
  | { readonly kind: 'whole'; readonly options: WholeExportOptions & { readonly name: string } };

export interface BlockExportParts {
  readonly id: string;
  readonly node: BlockNode;
  readonly user: NodeUser;
  readonly handle: NbdExportHandle;
  readonly recipe: ExportRecipe;
  /** Absent where all bitmaps of the node are shown, as they come and go. */
  readonly bitmaps: ExportedBitmaps | undefined;
}

/** A node that NBD clients can reach. */
export class BlockExport {
  readonly #parts: BlockExportParts;
  #removing: Promise<void> | undefined;

  constructor(parts: BlockExportParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.id;
  }

  get node(): BlockNode {
    return this.#parts.node;
  }

  get recipe(): ExportRecipe {
    return this.#parts.recipe;
  }

  get clients(): number {
    return this.#parts.handle.clients;
  }

  get info(): ExportInfo {
    const { id, node, handle, recipe } = this.#parts;
    const { clients, counts } = handle;
    const shuttingDown = this.#removing !== undefined;
    const { name = node.name, writable = recipe.kind === 'whole' } = recipe.options;
    const about = { name, readOnly: !writable || !node.disk.writable, bitmaps: this.#shown() };
    return { id, type: 'nbd', node: node.name, ...about, shuttingDown, clients, counts };
  }

  #shown(): readonly string[] {
    const { bitmaps, node } = this.#parts;
    return (bitmaps ?? { readers: node.tracked?.readers() ?? [] }).readers.map(({ name }) => name);
  }

  /** Its clients get the answers under way, and are hung up on. */
  async remove(): Promise<void> {
    this.#removing ??= this.#remove(() => this.#parts.handle.remove());
    return this.#removing;
  }

  /** Its clients are hung up on in this tick, and what is under way is not answered. */
  async cut(): Promise<void> {
    this.#removing ??= this.#remove(() => this.#parts.handle.cut());
    return this.#removing;
  }

  /** See `ExportedBitmaps.holdAgain`. */
  async holdAgain(): Promise<void> {
    await this.#parts.bitmaps?.holdAgain();
  }

  async #remove(withdraw: () => Promise<void>): Promise<void> {
    const { bitmaps, node, user } = this.#parts;
    await withdraw();
    bitmaps?.release();
    node.users.delete(user);
  }
}
