import type { ImageState } from '../image-state.ts';
import type { Run } from '../mapping/cluster-map.ts';
import type { Mapping } from '../mapping/l2-entry.ts';
import type { Reader } from './reader.ts';
import { Running } from './running.ts';

/** Clusters in a row to put new content in. */
interface Target {
  /** Host offset. */
  readonly host: number;
  readonly count: number;
  /** Already mapped by the same guest clusters, as preallocated zeros. */
  readonly isReused: boolean;
}

/** Writes the disk. Callers have checked the range and called `prepareToWrite`. */
export class Writer {
  readonly #state: ImageState;
  readonly #reader: Reader;

  constructor(state: ImageState, reader: Reader) {
    this.#state = state;
    this.#reader = reader;
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    const running = new Running();
    for (let at = 0; at < source.length;) {
      const position = offset + at;
      const rest = source.subarray(at);
      await running.room();
      const step = this.#state.map.atRun(position, rest.length, (run) => {
        const length = Math.min(run.length, this.#state.map.tableEnd(position) - position);
        const part = rest.subarray(0, length);
        running.add(this.#inPlace(run, part) ?? this.#locked(part, position));
        return length;
      });
      at += await step.catch((error) => running.fail(error));
    }
    await running.settle();
  }

  /** Writes in this tick what lies in one run that is written in place. @returns whether it did */
  writeNow(source: Uint8Array, offset: number): boolean {
    const { map, file } = this.#state;
    const run = map.runNow(offset, source.length);
    if (run === undefined || run.length < source.length) return false;
    const { mapping, host } = run;
    if (mapping.kind !== 'data' || !mapping.exclusive) return false;
    this.#assertData(host, source.length);
    return file.device.writeNow?.(source, host) ?? false;
  }

  /** In the tick of the look-up. Undefined when the clusters must not be written in place. */
  #inPlace({ mapping, host }: Run, source: Uint8Array): Promise<void> | undefined {
    if (mapping.kind !== 'data' || !mapping.exclusive) return undefined;
    const { inFlight } = this.#state;
    return inFlight.run(async () => {
      this.#assertData(host, source.length);
      await this.#state.file.write(source, host);
    });
  }

  #assertData(host: number, length: number): void {
    const { clusterSize } = this.#state.geometry;
    const first = host - (host % clusterSize);
    this.#state.guard.assertNotMetadata(first, Math.ceil((host + length - first) / clusterSize));
  }

  /** Writes to clusters that have to be allocated, unless somebody else just did. */
  async #locked(source: Uint8Array, offset: number): Promise<void> {
    const { clusterSize } = this.#state.geometry;
    const first = Math.floor(offset / clusterSize);
    const last = Math.floor((offset + source.length - 1) / clusterSize);
    await this.#state.clusterLocks.run(first, last, async () => {
      for (let at = 0; at < source.length;) {
        const rest = source.subarray(at);
        const position = offset + at;
        const step = await this.#state.map.atRun(position, rest.length, (run) => {
          const io = this.#inPlace(run, rest.subarray(0, run.length));
          return { run, io };
        });
        await step.io;
        at += step.io ? step.run.length : await this.#replace(rest, position, step.run);
      }
    });
  }

  /** New clusters for the start of `source`. @returns how much of it was written */
  async #replace(source: Uint8Array, offset: number, run: Run): Promise<number> {
    const { clusterSize } = this.#state.geometry;
    const inCluster = offset % clusterSize;
    const wanted = Math.ceil((inCluster + run.length) / clusterSize);
    const target = this.#reusable(run.mapping, wanted) ?? (await this.#allocate(wanted));
    const length = Math.min(run.length, target.count * clusterSize - inCluster);
    try {
      await this.#fill(target, source.subarray(0, length), offset);
      await this.#link(target, offset - inCluster);
    } catch (error) {
      if (!target.isReused) await this.#abandon(target);
      throw error;
    }
    return length;
  }

  #reusable(mapping: Mapping, count: number): Target | undefined {
    if (mapping.kind !== 'zero' || !mapping.exclusive || mapping.host === undefined) {
      return undefined;
    }
    const length = count * this.#state.geometry.clusterSize;
    if (mapping.host + length > this.#state.file.size) return undefined;
    this.#assertData(mapping.host, length);
    return { host: mapping.host, count, isReused: true };
  }

  async #allocate(wanted: number): Promise<Target> {
    const { mutex, allocator } = this.#state;
    const { offset, clusterCount } = await mutex.run(() => allocator.allocateUpTo(wanted));
    return { host: offset, count: clusterCount, isReused: false };
  }

  /** Never linked, so nothing on disk or in flight knows of them. */
  async #abandon({ host, count }: Target): Promise<void> {
    const { mutex, allocator } = this.#state;
    // A failure here leaves a leak, and must not hide the error that led to it.
    await mutex.run(() => allocator.release(host, count)).catch(() => undefined);
  }

  /** Whole clusters: what `source` does not cover keeps the content that the disk shows there. */
  async #fill({ host, count }: Target, source: Uint8Array, offset: number): Promise<void> {
    const { geometry, file, inFlight } = this.#state;
    const { clusterSize } = geometry;
    const inCluster = offset % clusterSize;
    const total = count * clusterSize;
    const tail = (inCluster + source.length) % clusterSize;
    const whole = source.subarray(
      inCluster === 0 ? 0 : clusterSize - inCluster,
      tail === 0 ? source.length : Math.max(0, source.length - tail),
    );
    const running = new Running();
    const write = (bytes: Uint8Array, at: number) => {
      running.add(inFlight.run(() => file.write(bytes, at)));
    };
    const guestStart = offset - inCluster;
    if (inCluster > 0 || (tail > 0 && count === 1)) {
      write(await this.#padded(guestStart, source, offset), host);
    }
    if (tail > 0 && count > 1) {
      const lastAt = total - clusterSize;
      const lastPart = source.subarray(source.length - tail);
      write(await this.#padded(guestStart + lastAt, lastPart, guestStart + lastAt), host + lastAt);
    }
    if (whole.length > 0) write(whole, host + (inCluster === 0 ? 0 : clusterSize));
    await running.settle();
  }

  async #padded(cluster: number, source: Uint8Array, offset: number): Promise<Uint8Array> {
    const { geometry, header } = this.#state;
    const content = new Uint8Array(geometry.clusterSize);
    // Behind the disk's end is nothing to keep: a disk that grows finds zeros there.
    const inside = Math.min(content.length, header.virtualSize - cluster);
    await this.#reader.read(content.subarray(0, inside), cluster);
    const part = source.subarray(0, cluster + content.length - offset);
    content.set(part, offset - cluster);
    return content;
  }

  async #link({ host, count }: Target, guestStart: number): Promise<void> {
    const { mutex, map, geometry } = this.#state;
    await mutex.run(async () => {
      await this.#state.ensureTable(guestStart);
      await map.replace(guestStart, count, (old, i) => {
        const own = host + i * geometry.clusterSize;
        unlinkOld(this.#state, old, own);
        return { kind: 'data', host: own };
      });
    });
  }
}

/** Gives back what a guest cluster was mapped to, except for the cluster it keeps. */
export function unlinkOld(state: ImageState, old: Mapping, kept: number | undefined): void {
  const { clusterSize } = state.geometry;
  switch (old.kind) {
    case 'unallocated':
      return;
    case 'data':
    case 'zero':
      if (old.host !== undefined && old.host !== kept) state.unlink(old.host, 1);
      return;
    case 'compressed': {
      // Compressed clusters share host clusters: each counts once in every one that it touches.
      const first = Math.floor(old.host / clusterSize);
      const last = Math.floor((old.host + old.length - 1) / clusterSize);
      state.unlink(first * clusterSize, last - first + 1);
    }
  }
}
