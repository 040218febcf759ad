import { isDeepStrictEqual } from 'node:util';
import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { BlockGraph, BlockNode } from '@tidemark/graph';
import type { Ticket, TicketSource } from '@tidemark/imageio';
import type { ImageioConfig } from '../config/other-apis-schema.ts';

type Images = ImageioConfig['images'];
type Image = Images[string];

/** Images of a configuration, of whichever nodes the graph has when they are asked for. */
export class GraphImages implements TicketSource {
  readonly #graph: BlockGraph;
  #images: ReadonlyMap<string, { readonly image: Image; readonly end: AbortController }> =
    new Map();

  constructor(graph: BlockGraph, images: Images) {
    this.#graph = graph;
    this.change(images);
  }

  /** Who reads an image that is no more, or another, is cut off. */
  change(images: Images): void {
    const before = this.#images;
    const next = Object.entries(images).map(([id, image]) => {
      const known = before.get(id);
      const stays = known !== undefined && isDeepStrictEqual(known.image, image);
      return [id, stays ? known : { image, end: new AbortController() }] as const;
    });
    this.#images = new Map(next);
    const staying = new Set(this.#images.values());
    for (const known of before.values()) if (!staying.has(known)) known.end.abort();
  }

  /** A drive that is away or gone has no image. */
  find(id: string): Ticket | undefined {
    const found = this.#images.get(id);
    if (found === undefined) return undefined;
    const { image, end } = found;
    const drive = this.#graph.nodes.get(image.drive);
    const node = image.node === undefined ? drive : this.#graph.nodes.get(image.node);
    if (drive === undefined || node === undefined || drive.isAway || node.isAway) return undefined;
    const { bitmap: name } = image;
    const bitmap = name === undefined ? undefined : () => bitsOf(drive, name, node);
    const filename = `${image.drive}.raw`;
    return { device: node.device, bitmap, signal: end.signal, filename };
  }
}

/** @throws BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED; I/O codes of the store */
async function bitsOf(drive: BlockNode, name: string, read: BlockNode): Promise<DirtyBitmap> {
  const tracked = await drive.drive();
  const bits = await tracked.load(name);
  const info = (await tracked.states()).find((one) => one.name === name);
  const knowsAll = info?.recording === true || info?.frozen !== undefined;
  // One that stands still goes with a node that does; the drive itself may have been written since.
  if (knowsAll || read !== drive || !drive.disk.writable) return bits;
  const text = `bitmap '${name}' does not record what is written`;
  throw new TidemarkError('BITMAP_INVALID', text, { bitmap: name, hint: 'enable it' });
}
