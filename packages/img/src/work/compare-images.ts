import { type BlockDevice, ioBuffer } from '@tidemark/block';
import type { LayerExtent } from '@tidemark/qcow2';
import { ImgFailure } from '../failure.ts';
import { describeError } from '../open/describe-error.ts';
import type { Image } from '../open/open-image.ts';
import { layersOf } from './layers.ts';
import { firstDifference, firstNonZero } from './zeros.ts';

export type Comparison =
  | { readonly result: 'identical'; readonly sizesDiffer: boolean }
  | { readonly result: 'differ'; readonly offset: number; readonly sizesDiffer: boolean }
  | { readonly result: 'sizes differ' }
  | { readonly result: 'status differs'; readonly offset: number };

export interface CompareOptions {
  /** Sizes, and what takes up space, have to be alike too. Default false. */
  readonly strict?: boolean;
  /** Hears how many bytes have been compared. */
  readonly onProgress?: (done: number) => void;
}

/** Bytes in a read, and reads of each image that are under way at once. */
const PART = 1024 * 1024;
const AT_ONCE = 4;

interface Part {
  readonly offset: number;
  readonly length: number;
  readonly one: 'data' | 'zeros';
  readonly other: 'data' | 'zeros';
}

/**
 * Compares two disks; behind the end of the smaller one zeros are taken for equal. Reads what is not
 * known to be zeros, in a bounded amount of memory. @throws IO_FAILED, exit code 4
 */
export async function compareImages(
  one: Image,
  other: Image,
  { strict = false, onProgress }: CompareOptions = {},
): Promise<Comparison> {
  const [size, otherSize] = [one.disk.size, other.disk.size];
  if (strict && size !== otherSize) return { result: 'sizes differ' };
  const sizesDiffer = size !== otherSize;
  const pending: Promise<number>[] = [];
  const settle = async (): Promise<number> => {
    const found = await pending.shift()!;
    return found;
  };
  try {
    for await (const part of parts(one, other, strict)) {
      if ('status' in part) return { result: 'status differs', offset: part.status };
      onProgress?.(part.offset);
      if (pending.length >= AT_ONCE) {
        const offset = await settle();
        if (offset >= 0) return differ(offset, size, otherSize);
      }
      const found = comparePart(one.disk, other.disk, part);
      // Awaited in order; one that fails meanwhile is not left without anybody who hears it.
      found.catch(() => {});
      pending.push(found);
    }
    while (pending.length > 0) {
      const offset = await settle();
      if (offset >= 0) return differ(offset, size, otherSize);
    }
    return { result: 'identical', sizesDiffer };
  } finally {
    await Promise.allSettled(pending);
  }
}

/** Where the smaller one ends is said only once that has been reached. */
function differ(offset: number, size: number, otherSize: number): Comparison {
  const sizesDiffer = size !== otherSize && offset >= Math.min(size, otherSize);
  return { result: 'differ', offset, sizesDiffer };
}

async function comparePart(one: BlockDevice, other: BlockDevice, part: Part): Promise<number> {
  const { offset, length } = part;
  const [left, right] = [takeBuffer(length), takeBuffer(length)];
  try {
    const reads: Promise<void>[] = [];
    if (part.one === 'data') reads.push(...readPart(one, left.bytes, offset));
    if (part.other === 'data') reads.push(...readPart(other, right.bytes, offset));
    if (reads.length > 0) await Promise.all(reads);
    const isBoth = part.one === 'data' && part.other === 'data';
    const single = part.one === 'data' ? left.bytes : right.bytes;
    const at = isBoth ? firstDifference(left.bytes, right.bytes) : firstNonZero(single);
    return at < 0 ? -1 : offset + at;
  } finally {
    left.giveBack();
    right.giveBack();
  }
}

/** Empty where it is done already. */
function readPart(disk: BlockDevice, bytes: Buffer, offset: number): readonly Promise<void>[] {
  if (disk.readNow?.(bytes, offset) === true) return [];
  return [
    disk.read(bytes, offset).catch((error: unknown) => {
      const message = `Error while reading offset ${offset}: ${describeError(error)}`;
      throw new ImgFailure(message, { exitCode: 4, cause: error });
    }),
  ];
}

/** Memory that is used again: the system takes its time to hand out more. */
const spare: Buffer[] = [];

function takeBuffer(length: number): { readonly bytes: Buffer; giveBack(): void } {
  const whole = spare.pop() ?? ioBuffer(PART);
  return { bytes: whole.subarray(0, length), giveBack: () => spare.push(whole) };
}

/** What has to be read of the two, in pieces, or where their status differs. */
async function* parts(
  one: Image,
  other: Image,
  strict: boolean,
): AsyncGenerator<Part | { readonly status: number }> {
  const end = Math.max(one.disk.size, other.disk.size);
  await using left = new Statuses(one, end);
  await using right = new Statuses(other, end);
  for (let at = 0; at < end;) {
    const [a, b] = [await left.at(at), await right.at(at)];
    const length = Math.min(a.end, b.end) - at;
    if (strict && a.status !== b.status) {
      yield { status: at };
      return;
    }
    if (a.content === 'data' || b.content === 'data') {
      for (let done = 0; done < length; done += PART) {
        const offset = at + done;
        const piece = Math.min(PART, length - done);
        yield { offset, length: piece, one: a.content, other: b.content };
      }
    }
    at += length;
  }
}

interface Status {
  readonly content: 'data' | 'zeros';
  /** What has to be alike in strict mode. */
  readonly status: string;
  readonly end: number;
}

/** The extents of a disk, asked for by offsets that only grow; zeros behind its end. */
class Statuses implements AsyncDisposable {
  readonly #extents: AsyncGenerator<LayerExtent>;
  readonly #size: number;
  readonly #end: number;
  #now: LayerExtent | undefined;

  constructor(image: Image, end: number) {
    this.#extents = layersOf(image);
    this.#size = image.disk.size;
    this.#end = end;
  }

  async at(offset: number): Promise<Status> {
    if (offset >= this.#size) return { content: 'zeros', status: 'behind', end: this.#end };
    while (this.#now === undefined || this.#now.offset + this.#now.length <= offset) {
      const { value, done } = await this.#extents.next();
      if (done === true) throw new RangeError(`nothing is said of offset ${offset}`);
      this.#now = value;
    }
    const { zero, data, present, host } = this.#now;
    const end = this.#now.offset + this.#now.length;
    // QEMU takes in whether the disk ends there.
    const status = [zero, data, present, host !== undefined, end === this.#size].join(' ');
    return { content: zero ? 'zeros' : 'data', status, end };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#extents.return(undefined);
  }
}
