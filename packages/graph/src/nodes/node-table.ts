import { refusal } from '../errors.ts';
import type { BlockNode } from './block-node.ts';
import { checkNodeName } from './names.ts';

/** The nodes by name, oldest first. */
export class NodeTable {
  readonly #nodes = new Map<string, BlockNode>();
  /** Names of nodes that are being opened. */
  readonly #coming = new Set<string>();
  readonly #listeners = new Set<(node: BlockNode) => void>();
  #unnamed = 0;

  get(name: string): BlockNode | undefined {
    return this.#nodes.get(name);
  }

  list(): readonly BlockNode[] {
    return [...this.#nodes.values()];
  }

  /** Keeps a name for a node until `put` or `forget`. @throws USAGE */
  reserve(name: string | undefined): string {
    if (name !== undefined) checkNodeName(name, (taken) => this.#isTaken(taken));
    const chosen = name ?? this.#freeName();
    this.#coming.add(chosen);
    return chosen;
  }

  forget(name: string): void {
    this.#coming.delete(name);
  }

  put(node: BlockNode): void {
    this.#coming.delete(node.name);
    this.#nodes.set(node.name, node);
    for (const listener of this.#listeners) listener(node);
  }

  /** Hears of each node that comes from now on, until the given function is called. */
  listen(listener: (node: BlockNode) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  remove(node: BlockNode): void {
    this.#nodes.delete(node.name);
  }

  /** @throws USAGE: why the node cannot go now */
  checkRemovable(name: string): BlockNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw refusal(`Failed to find node with node-name='${name}'`);
    // In QEMU's order.
    const kinds = new Set(Array.from(node.users, ({ kind }) => kind));
    if (kinds.has('export')) throw refusal(`Node ${name} is in use`);
    if (kinds.has('job target')) {
      throw refusal(`Node '${name}' is busy: block device is in use by block job: backup`);
    }
    const above = [...node.parents].find(({ role }) => role === 'backing')?.node;
    if (above !== undefined) {
      throw refusal(`Node '${name}' is busy: node is used as backing hd of '${above.name}'`);
    }
    if (node.isInline) throw refusal(`Node ${name} is not owned by the monitor`);
    if (kinds.size + node.parents.size > 0) throw refusal(`Block device ${name} is in use`);
    return node;
  }

  #isTaken(name: string): boolean {
    return this.#nodes.has(name) || this.#coming.has(name);
  }

  /** No user can give a node such a name. */
  #freeName(): string {
    for (;;) {
      const name = `#block${String(this.#unnamed++).padStart(3, '0')}`;
      if (!this.#isTaken(name)) return name;
    }
  }
}
