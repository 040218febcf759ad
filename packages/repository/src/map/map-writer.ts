import type { Granules } from '@tidemark/backup/parts';
import { fromHex, toHex } from '../format/digest.ts';
import { FAN_OUT } from '../format/limits.ts';
import { MapNode } from '../format/map-node.ts';
import { childrenOf, granulesUnder, type MapShape, shapeOf } from '../format/map-shape.ts';

/** Where nodes come from and go to. */
export interface NodeStore {
  read(digest: Uint8Array): Promise<Uint8Array>;
  write(node: Uint8Array): Promise<Uint8Array>;
}

interface OpenNode {
  readonly index: number;
  readonly node: MapNode;
  isChanged: boolean;
}

/**
 * Makes the map of a restore point from that of another one, or from nothing. Granules come in
 * ascending order, so that each node is read and written once, and one of each level is in memory.
 */
export class MapWriter {
  readonly #nodes: NodeStore;
  readonly #shape: MapShape;
  readonly #path: (OpenNode | undefined)[] = [];
  #root: Uint8Array | undefined;

  /** `base`: digest of the highest node of the map to begin with; null: all zeros. */
  constructor(drive: Granules, base: string | null, nodes: NodeStore) {
    this.#nodes = nodes;
    this.#shape = shapeOf(drive);
    this.#root = base === null ? undefined : fromHex(base);
  }

  /** Undefined: zeros. @returns a promise where a node has to be opened first */
  set(granule: number, digest: Uint8Array | undefined): Promise<void> | undefined {
    const index = Math.floor(granule / FAN_OUT);
    const leaf = this.#path[0];
    if (leaf?.index !== index) return this.#openAndSet(index, granule, digest);
    if (leaf.node.set(granule % FAN_OUT, digest)) leaf.isChanged = true;
    return undefined;
  }

  async #openAndSet(index: number, granule: number, digest: Uint8Array | undefined): Promise<void> {
    const leaf = await this.#open(0, index);
    if (leaf.node.set(granule % FAN_OUT, digest)) leaf.isChanged = true;
  }

  /** Costs by what was there before: the ends of the run, and nodes that go. */
  async setZeros(first: number, count: number): Promise<void> {
    const end = first + count;
    for (let at = first; at < end;) {
      const level = this.#highestWithin(at, end);
      const under = granulesUnder(level);
      const child = at / under;
      const { node } = await this.#open(level, Math.floor(child / FAN_OUT));
      const stop = Math.min(end, at + under);
      if (node.set(child % FAN_OUT, undefined)) this.#path[level]!.isChanged = true;
      at = stop;
    }
  }

  /** The highest level on which the granules from `at` are a whole child that ends by `end`. */
  #highestWithin(at: number, end: number): number {
    const { granules, levels } = this.#shape;
    let level = 0;
    while (level + 1 < levels) {
      const under = granulesUnder(level + 1);
      if (at % under !== 0 || Math.min(at + under, granules) > end) break;
      level += 1;
    }
    return level;
  }

  /** Opening a node closes those below it: they may be of another one. */
  async #open(level: number, index: number): Promise<OpenNode> {
    for (let below = 0; below < level; below++) await this.#close(below);
    const opened = this.#path[level];
    if (opened?.index === index) return opened;
    await this.#close(level);
    const count = childrenOf(this.#shape, level, index);
    const digest = await this.#digestOf(level, index);
    const node =
      digest === undefined
        ? new MapNode(level, count)
        : MapNode.decode(await this.#nodes.read(digest), level, count, toHex(digest));
    const made = { index, node, isChanged: false };
    this.#path[level] = made;
    return made;
  }

  async #digestOf(level: number, index: number): Promise<Uint8Array | undefined> {
    if (level === this.#shape.levels - 1) return this.#root;
    const parent = this.#path[level + 1];
    const parentIndex = Math.floor(index / FAN_OUT);
    const above = parent?.index === parentIndex ? parent : await this.#open(level + 1, parentIndex);
    return above.node.get(index % FAN_OUT)?.slice();
  }

  async #close(level: number): Promise<void> {
    const opened = this.#path[level];
    if (opened === undefined) return;
    this.#path[level] = undefined;
    if (!opened.isChanged) return;
    const { node, index } = opened;
    const digest = node.isEmpty ? undefined : await this.#nodes.write(node.encode());
    if (level === this.#shape.levels - 1) {
      this.#root = digest;
      return;
    }
    // Open: it was opened for this one, and nothing has opened another since.
    const parent = this.#path[level + 1]!;
    if (parent.node.set(index % FAN_OUT, digest)) parent.isChanged = true;
  }

  /** @returns digest of the highest node in hex; null: all zeros */
  async finish(): Promise<string | null> {
    for (let level = 0; level < this.#shape.levels; level++) await this.#close(level);
    return this.#root === undefined ? null : toHex(this.#root);
  }
}
