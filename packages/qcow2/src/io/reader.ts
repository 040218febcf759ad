import type { BlockExtent } from '@tidemark/block';
import type { ImageState } from '../image-state.ts';
import type { Run } from '../mapping/cluster-map.ts';
import type { BackingFile } from './backing-file.ts';
import { decompress } from './compressed.ts';
import { Running } from './running.ts';

type CompressedRun = Extract<Run['mapping'], { kind: 'compressed' }>;

/** Reads the disk. Callers have checked the range. */
export class Reader {
  readonly #state: ImageState;
  readonly #backing: BackingFile;

  constructor(state: ImageState, backing: BackingFile) {
    this.#state = state;
    this.#backing = backing;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    const running = new Running();
    for (let at = 0; at < target.length;) {
      const position = offset + at;
      const rest = target.subarray(at);
      await running.room();
      const step = this.#state.map.atRun(position, rest.length, (run) => {
        running.add(this.#start(run, rest.subarray(0, run.length), position));
        return run.length;
      });
      at += await step.catch((error) => running.fail(error));
    }
    await running.settle();
  }

  /** Reads in this tick what lies in one run and can be read so. @returns whether it did */
  readNow(target: Uint8Array, offset: number): boolean {
    const { map, data } = this.#state;
    const run = map.runNow(offset, target.length);
    if (run === undefined || run.length < target.length) return false;
    if (run.mapping.kind === 'data') return data.file.device.readNow?.(target, run.host) ?? false;
    const isZero =
      run.mapping.kind === 'zero' ||
      (run.mapping.kind === 'unallocated' && offset >= this.#backing.size);
    if (isZero) target.fill(0);
    return isZero;
  }

  /** Called in the tick of the look-up. */
  #start(run: Run, target: Uint8Array, offset: number): Promise<void> {
    const { mapping } = run;
    switch (mapping.kind) {
      case 'data':
        return this.#state.inFlight.run(() => this.#state.data.file.read(target, run.host));
      case 'compressed':
        return this.#state.inFlight.run(() => this.#readCompressed(mapping, target, offset));
      case 'zero':
        target.fill(0);
        return Promise.resolve();
      default:
        return this.#backing.read(target, offset);
    }
  }

  async #readCompressed(mapping: CompressedRun, target: Uint8Array, offset: number): Promise<void> {
    const { file, geometry, header } = this.#state;
    const { clusterSize } = geometry;
    // The last sector of the stream may lie behind the end of a file that was cut to its content.
    const length = Math.min(mapping.length, file.size - mapping.host);
    const content = await decompress({
      where: file.label,
      offset: mapping.host,
      type: header.compressionType,
      bytes: await file.readNew(mapping.host, length),
      clusterSize,
    });
    const inCluster = offset % clusterSize;
    target.set(content.subarray(inCluster, inCluster + target.length));
  }

  /** What the range holds, by the image's tables and the backing file's own account. */
  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    const end = offset + length;
    for (let at = offset; at < end;) {
      const run = await this.#state.map.atRun(at, end - at, (found) => found);
      const { kind } = run.mapping;
      if (kind === 'unallocated') {
        yield* this.#backingExtents(at, run.length);
      } else {
        const allocated = kind !== 'zero' || run.mapping.host !== undefined;
        yield { offset: at, length: run.length, zero: kind === 'zero', allocated, depth: 1 };
      }
      at += run.length;
    }
  }

  async *#backingExtents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    const inside = Math.max(0, Math.min(length, this.#backing.size - offset));
    const { device } = this.#backing;
    if (inside > 0 && device === undefined) {
      yield { offset, length: inside, zero: false, allocated: false, depth: 2 };
    } else if (inside > 0 && device !== undefined) {
      for await (const extent of device.extents(offset, inside)) {
        const { depth = 1 } = extent;
        yield { ...extent, allocated: false, depth: depth === 0 ? 0 : depth + 1 };
      }
    }
    if (inside < length) {
      // Behind its end a backing file counts as zeros of its own, as QEMU has it.
      const depth = device === undefined ? 0 : 2;
      const rest = { offset: offset + inside, length: length - inside };
      yield { ...rest, zero: true, allocated: false, depth };
    }
  }
}

/** Joins neighbours of one kind. */
export async function* mergeExtents(
  extents: AsyncIterable<BlockExtent>,
): AsyncGenerator<BlockExtent> {
  let open: BlockExtent | undefined;
  for await (const extent of extents) {
    if (open !== undefined && isAlike(open, extent)) {
      open = { ...open, length: open.length + extent.length };
      continue;
    }
    if (open !== undefined) yield open;
    open = extent;
  }
  if (open !== undefined) yield open;
}

function isAlike(a: BlockExtent, b: BlockExtent): boolean {
  return a.zero === b.zero && a.allocated === b.allocated && a.depth === b.depth;
}
