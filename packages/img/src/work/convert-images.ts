import { type BlockDevice, ioBuffer, isZero } from '@tidemark/block';
import { ImgFailure } from '../failure.ts';
import type { Image } from '../open/open-image.ts';
import { JoinedDisks } from './joined-disks.ts';
import { layersOf } from './layers.ts';
import { named } from './named.ts';
import { runsOfZeros, unitOfZeros } from './zeros.ts';

export interface CopyOptions {
  /** One behind the other they make up the disk. */
  readonly sources: readonly Image[];
  readonly target: Image;
  /** Of what the target shows where nothing is written. */
  readonly below: 'zeros' | 'unknown' | 'backing';
  /** Bytes of the target's backing file; what lies behind them reads as zeros. */
  readonly belowSize?: number;
  /** Bytes: shorter runs of zeros are written as they are. 0: all is written. */
  readonly sparse: number;
  readonly compressed?: boolean;
  /** Hears of each range before it is written. */
  readonly onWrite?: (offset: number, length: number) => void;
  /** Hears how many bytes are done. */
  readonly onProgress?: (done: number) => void;
}

/** Bytes that are read at once, and how many such parts are under way. */
const PART = 1024 * 1024;
const AT_ONCE = 8;

interface Part {
  readonly offset: number;
  readonly length: number;
  readonly kind: 'data' | 'zeros';
}

/**
 * Copies disks into an open target. Reads what is not known to be zeros, several parts at once, and
 * begins to write in the order of the disk; memory is bounded. @throws I/O codes, as qemu-img says it
 */
export async function copyContent(options: CopyOptions): Promise<void> {
  const { sources, target, onProgress } = options;
  const source = new JoinedDisks(sources.map(({ disk }) => disk));
  const buffers = Array.from({ length: AT_ONCE }, () => Buffer.allocUnsafeSlow(0));
  const running: Promise<void>[] = [];
  let turn: Promise<void> = Promise.resolve();
  let waiting = 0;
  try {
    for await (const part of partsOf(options, source.size)) {
      onProgress?.(part.offset);
      if (running.length >= AT_ONCE) await running.shift();
      if (part.kind === 'zeros') {
        await turn;
        await named('writing', part.offset, () => writeZeros(target.disk, part, options));
        continue;
      }
      let buffer = buffers.pop()!;
      if (buffer.length < part.length) buffer = ioBuffer(Math.max(PART, part.length));
      const bytes = buffer.subarray(0, part.length);
      const isThere = source.readNow(bytes, part.offset);
      if (isThere && waiting === 0 && writeNow(bytes, part, options)) {
        buffers.push(buffer);
        continue;
      }
      waiting += 1;
      const read = isThere
        ? Promise.resolve()
        : named('reading', part.offset, () => source.read(bytes, part.offset));
      const before = turn;
      // Clusters are allocated as the writes begin: in the order of the disk.
      const begun = Promise.withResolvers<void>();
      turn = begun.promise;
      const done = (async () => {
        try {
          await read;
          await before;
          const written = named('writing', part.offset, () => writeData(bytes, part, options));
          begun.resolve();
          await written;
        } finally {
          begun.resolve();
          buffers.push(buffer);
          waiting -= 1;
        }
      })();
      done.catch(() => {});
      running.push(done);
    }
    while (running.length > 0) await running.shift();
  } finally {
    await Promise.allSettled(running);
  }
}

async function* partsOf(options: CopyOptions, size: number): AsyncGenerator<Part> {
  let next = 0;
  for await (const run of runsOf(options)) {
    for (const part of piecesOf(run, options, next, size)) {
      yield part;
      next = part.offset + part.length;
    }
  }
}

/** A run in parts; compressed ones are whole clusters, for each of them is written once. */
function* piecesOf(
  { offset, length, kind }: Part,
  { compressed = false, target, sparse, below }: CopyOptions,
  done: number,
  size: number,
): Generator<Part> {
  const clusterSize = target.qcow2?.info.clusterSize ?? 1;
  const isData = kind === 'data' || sparse === 0 || (compressed && below !== 'zeros');
  let end = offset + length;
  let at = Math.max(done, offset);
  if (compressed) {
    if (!isData) return;
    at = Math.max(done, offset - (offset % clusterSize));
    end = Math.min(Math.ceil(end / clusterSize) * clusterSize, size);
  }
  const step = compressed ? clusterSize : Math.max(PART, clusterSize);
  while (at < end) {
    const stop = isData ? Math.min(at - (at % step) + step, end) : end;
    yield { offset: at, length: stop - at, kind: isData ? 'data' : 'zeros' };
    at = stop;
  }
}

/** What has to be in the target; parts that its backing file shows are left out. */
async function* runsOf({ sources, below, belowSize = 0 }: CopyOptions): AsyncGenerator<Part> {
  let base = 0;
  for (const source of sources) {
    for await (const { length, zero, depth, ...extent } of layersOf(source)) {
      const offset = base + extent.offset;
      if (below === 'backing' && depth > 0) continue;
      if (below === 'backing' && zero && offset >= belowSize) continue;
      yield { offset, length, kind: zero ? 'zeros' : 'data' };
    }
    base += source.disk.size;
  }
}

async function writeZeros(
  disk: BlockDevice,
  { offset, length }: { readonly offset: number; readonly length: number },
  { below, onWrite }: CopyOptions,
): Promise<void> {
  if (below === 'zeros') return;
  onWrite?.(offset, length);
  await disk.writeZeroes(offset, length);
}

/** As `writeData`, in this tick. @returns false: none or some is done */
function writeNow(bytes: Buffer, { offset }: Part, options: CopyOptions): boolean {
  const { target, sparse, compressed = false, below, onWrite } = options;
  const { disk } = target;
  if (compressed || disk.writeNow === undefined) return false;
  const whole = [{ from: 0, to: bytes.length, isData: true }];
  const runs = sparse === 0 ? whole : runsOfZeros(bytes, offset, unitOfZeros(target, sparse));
  for (const { from, to, isData } of runs) {
    if (!isData && below !== 'zeros') return false;
    if (!isData) continue;
    onWrite?.(offset + from, to - from);
    if (!disk.writeNow(bytes.subarray(from, to), offset + from)) return false;
  }
  return true;
}

/** Leaves runs of zeros out where the target shows zeros anyway. */
async function writeData(bytes: Buffer, part: Part, options: CopyOptions): Promise<void> {
  const { target, sparse, compressed = false, onWrite } = options;
  const { offset } = part;
  if (compressed) {
    const { clusterSize } = target.qcow2!.info;
    if (sparse > 0 && isZero(bytes, 0, bytes.length)) return writeZeros(target.disk, part, options);
    // A target that was there and is larger goes on in the last cluster: QEMU writes none in part.
    const isWhole = bytes.length % clusterSize === 0 || offset + bytes.length === target.disk.size;
    if (!isWhole) throw new ImgFailure('Invalid argument');
    onWrite?.(offset, bytes.length);
    return target.qcow2!.writeCompressed(bytes, offset);
  }
  if (sparse === 0) {
    onWrite?.(offset, bytes.length);
    return target.disk.write(bytes, offset);
  }
  const unit = unitOfZeros(target, sparse);
  const writes: Promise<void>[] = [];
  for (const { from, to, isData } of runsOfZeros(bytes, offset, unit)) {
    const run = { offset: offset + from, length: to - from };
    if (isData) onWrite?.(run.offset, run.length);
    writes.push(
      isData
        ? target.disk.write(bytes.subarray(from, to), run.offset)
        : writeZeros(target.disk, run, options),
    );
  }
  await Promise.all(writes);
}
