import type { BlockNode } from '@tidemark/graph';
import { glanceAt, isLoaded } from './describe-drive.ts';
import { within } from './within.ts';

/** Milliseconds that an answer waits for them; they come all the same. */
const WAIT = 300;
/** Milliseconds after which those that could not be read are tried again. */
const AGAIN = 30_000;

/** Has the bits of bitmaps at rest read once: until then nobody knows how much they call dirty. */
export class BitsAtRest {
  readonly #reading = new Map<string, Promise<unknown>>();
  readonly #failed = new Map<string, number>();

  async load(nodes: readonly BlockNode[]): Promise<void> {
    const works = nodes.flatMap((node) => this.#begin(node));
    if (works.length > 0) await within(WAIT, () => Promise.all(works));
  }

  #begin(node: BlockNode): readonly Promise<unknown>[] {
    const waiting = new Set(
      glanceAt(node).flatMap((info) => (isLoaded(node, info) ? [] : [info.name])),
    );
    if (waiting.size === 0) return [];
    const readers = (node.tracked?.readers() ?? []).filter(({ name }) => waiting.has(name));
    return readers.flatMap((reader) => {
      const key = `${node.name}\n${reader.name}`;
      if (performance.now() - (this.#failed.get(key) ?? -AGAIN) < AGAIN) return [];
      return this.#reading.get(key) ?? this.#read(key, () => reader.content());
    });
  }

  #read(key: string, content: () => unknown): Promise<unknown> {
    const work = (async () => content())()
      .then(() => void this.#failed.delete(key))
      .catch(() => void this.#failed.set(key, performance.now()))
      .finally(() => void this.#reading.delete(key));
    this.#reading.set(key, work);
    return work;
  }
}
