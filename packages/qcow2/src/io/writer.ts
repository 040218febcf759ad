import type { ImageState } from '../image-state.ts';
import type { Run } from '../mapping/cluster-map.ts';
import { allParts, type L2Entry, partsTouched } from '../mapping/cluster-entry.ts';
import type { Mapping } from '../mapping/l2-entry.ts';
import type { Reader } from './reader.ts';
import { Running } from './running.ts';

/** Clusters in a row to put new content in. */
interface Target {
  /** Host offset. */
  readonly host: number;
  readonly count: number;
  /** Already mapped by the same guest clusters, whose other parts lie there or are not allocated. */
  readonly isReused: boolean;
}

/** What is put there. Offsets are guest offsets. */
interface Content {
  readonly source: Uint8Array;
  readonly offset: number;
  /** Bytes that are written as a whole: what `source` does not cover keeps its content. */
  readonly unit: number;
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
    const { map, data } = this.#state;
    const run = map.runNow(offset, source.length);
    if (run === undefined || run.length < source.length) return false;
    const { mapping, host } = run;
    if (mapping.kind !== 'data' || !mapping.exclusive) return false;
    data.assertData(host, source.length);
    return data.file.device.writeNow?.(source, host) ?? false;
  }

  /** In the tick of the look-up. Undefined when the clusters must not be written in place. */
  #inPlace({ mapping, host }: Run, source: Uint8Array): Promise<void> | undefined {
    if (mapping.kind !== 'data' || !mapping.exclusive) return undefined;
    const { inFlight, data } = this.#state;
    return inFlight.run(async () => {
      data.assertData(host, source.length);
      await data.write(source, host);
    });
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
    const start = offset - inCluster;
    const target = this.#reusable(run.mapping, wanted) ?? (await this.#allocate(start, wanted));
    const length = Math.min(run.length, target.count * clusterSize - inCluster);
    const unit = this.#unitFor(run.mapping, target);
    const content = { source: source.subarray(0, length), offset, unit };
    try {
      await this.#fill(target, content);
      await this.#link(target, content);
    } catch (error) {
      if (!target.isReused) await this.#abandon(target);
      throw error;
    }
    return length;
  }

  /** What leaves a cluster takes all of it along: its parts lie in one place. */
  #unitFor(mapping: Mapping, { isReused }: Target): number {
    const { clusterSize, subclusterSize } = this.#state.geometry;
    return isReused || mapping.host === undefined ? subclusterSize : clusterSize;
  }

  #reusable(mapping: Mapping, count: number): Target | undefined {
    if (mapping.kind === 'data' || mapping.kind === 'compressed') return undefined;
    if (mapping.exclusive !== true || mapping.host === undefined) return undefined;
    const { data, geometry } = this.#state;
    const length = count * geometry.clusterSize;
    if (!data.isExternal && mapping.host + length > data.file.size) return undefined;
    data.assertData(mapping.host, length);
    return { host: mapping.host, count, isReused: true };
  }

  async #allocate(guest: number, wanted: number): Promise<Target> {
    const { offset, clusterCount } = await this.#state.data.allocate(guest, wanted);
    return { host: offset, count: clusterCount, isReused: false };
  }

  async #abandon({ host, count }: Target): Promise<void> {
    // A failure here leaves a leak, and must not hide the error that led to it.
    await this.#state.data.abandon({ offset: host, clusterCount: count }).catch(() => undefined);
  }

  /** Whole units: what `source` does not cover keeps the content that the disk shows there. */
  async #fill({ host }: Target, { source, offset, unit }: Content): Promise<void> {
    const { geometry, data, inFlight } = this.#state;
    const end = offset + source.length;
    const first = offset - (offset % unit);
    const last = end - 1 - ((end - 1) % unit);
    const start = offset - (offset % geometry.clusterSize);
    const running = new Running();
    const write = (bytes: Uint8Array, at: number) => {
      running.add(inFlight.run(() => data.write(bytes, host + at - start)));
    };
    const isHeadCut = offset > first || (first === last && end < first + unit);
    const isTailCut = last > first && end < last + unit;
    if (isHeadCut) write(await this.#padded(first, unit, { source, offset }), first);
    if (isTailCut) write(await this.#padded(last, unit, { source, offset }), last);
    const from = isHeadCut ? first + unit : first;
    const whole = source.subarray(from - offset, Math.max(from, isTailCut ? last : end) - offset);
    if (whole.length > 0) write(whole, from);
    await running.settle();
  }

  /** One unit: of `source`, what lies in it; else what the disk shows there. */
  async #padded(
    from: number,
    unit: number,
    { source, offset }: { readonly source: Uint8Array; readonly offset: number },
  ): Promise<Uint8Array> {
    const content = new Uint8Array(unit);
    // Behind the disk's end is nothing to keep: a disk that grows finds zeros there.
    const inside = Math.min(unit, this.#state.header.virtualSize - from);
    await this.#reader.read(content.subarray(0, inside), from);
    const part = source.subarray(Math.max(0, from - offset), from + unit - offset);
    content.set(part, Math.max(0, offset - from));
    return content;
  }

  async #link(target: Target, { source, offset }: Content): Promise<void> {
    const { mutex, map, geometry } = this.#state;
    const { clusterSize } = geometry;
    const start = offset - (offset % clusterSize);
    await mutex.run(async () => {
      await this.#state.ensureTable(start);
      await map.replace(start, target.count, (old, i) => {
        const host = target.host + i * clusterSize;
        unlinkOld(this.#state, old, host);
        const from = Math.max(0, offset - start - i * clusterSize);
        const to = offset + source.length - start - i * clusterSize;
        const touched = partsTouched(from, to, geometry);
        // One that was compressed is written as a whole.
        const isWhole = old.kind === 'compressed';
        const data = isWhole ? allParts(geometry) : (old.data | touched) >>> 0;
        const zero = isWhole ? 0 : (old.zero & ~touched) >>> 0;
        return { kind: 'cluster', host, exclusive: true, data, zero };
      });
    });
  }
}

/** Gives back what a guest cluster was mapped to, except for the cluster it keeps. */
export function unlinkOld(state: ImageState, old: L2Entry, kept: number | undefined): void {
  if (old.kind === 'cluster') {
    if (old.host !== undefined && old.host !== kept) state.data.unlink(old.host, 1);
    return;
  }
  // Compressed clusters share host clusters: each counts once in every one that it touches.
  const { clusterSize } = state.geometry;
  const first = Math.floor(old.host / clusterSize);
  const last = Math.floor((old.host + old.length - 1) / clusterSize);
  state.unlink(first * clusterSize, last - first + 1);
}
