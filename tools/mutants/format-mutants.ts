import type { Mutant } from './mutant.ts';

/*
 * Each breaks one rule by which images stay sound and readable for QEMU. By the tests that have to
 * notice.
 */

export const PACKED_CLUSTERS: readonly Mutant[] = [
  {
    name: 'a packed cluster does not count in the host cluster that it shares',
    file: 'packages/qcow2/src/refcounts/packed-space.ts',
    find: '} else if (!(await this.#allocator.retain(begun))) {',
    replace: '} else if (begun < 0) {',
  },
  {
    name: 'room for packed clusters outlives its host cluster',
    file: 'packages/qcow2/src/refcounts/packed-space.ts',
    find: 'if (this.#next - (this.#next % clusterSize) === cluster) this.#next = 0;',
    replace: 'if (this.#next - (this.#next % clusterSize) === cluster + 1) this.#next = 0;',
  },
  {
    name: 'refcounts run over',
    file: 'packages/qcow2/src/refcounts/allocator.ts',
    find: 'isCounted = count < most;',
    replace: 'isCounted = count <= most;',
  },
];

export const SUBCLUSTERS: readonly Mutant[] = [
  {
    name: 'a write makes data of the whole cluster, and not of its own parts',
    file: 'packages/qcow2/src/io/writer.ts',
    find: 'const isWhole = old.kind ===',
    replace: "const isWhole = old.kind !== '' || old.kind ===",
  },
  {
    name: 'a part that leaves a shared cluster leaves the other parts behind',
    file: 'packages/qcow2/src/io/writer.ts',
    find: 'return isReused || mapping.host === undefined ? subclusterSize : clusterSize;',
    replace: 'return isReused || clusterSize > 0 ? subclusterSize : clusterSize;',
  },
  {
    name: 'parts that become data stay zeros, too',
    file: 'packages/qcow2/src/io/writer.ts',
    find: 'const zero = isWhole ? 0 : (old.zero & ~touched) >>> 0;',
    replace: 'const zero = isWhole ? 0 : old.zero;',
  },
  {
    name: 'zeroed parts without a backing file keep their data',
    file: 'packages/qcow2/src/io/zeroer.ts',
    find: 'const hidden = this.#backing.size > 0 ? parts : parts & old.data;',
    replace: 'const hidden = this.#backing.size > 0 ? old.data : parts & old.data;',
  },
];

export const DATA_FILES: readonly Mutant[] = [
  {
    name: 'links to a data file come before what they lead to',
    file: 'packages/qcow2/src/image-state.ts',
    find: 'await this.data.flush();',
    replace: '',
  },
  {
    name: 'zeros of a raw data file are in its image alone',
    file: 'packages/qcow2/src/io/zeroer.ts',
    find: 'if (this.#state.data.isRaw) return this.#zeroRaw(offset, length, options);',
    replace: '',
  },
];

export const RESIZED_TAILS: readonly Mutant[] = [
  {
    name: 'what a shrink cuts off inside a cluster comes back when QEMU lets the disk grow',
    file: 'packages/qcow2/src/io/resizer.ts',
    find: 'await this.#clearTail(size).catch(() => {});',
    replace: '',
  },
];

export const NEW_IMAGES: readonly Mutant[] = [
  {
    name: 'a new image has its header before its data is durable',
    file: 'packages/qcow2/src/sequential/new-image.ts',
    find: 'await device.resize(this.#stream.end);\n    await device.flush();',
    replace: 'await device.resize(this.#stream.end);',
  },
  {
    name: 'a piece of a new image is written before it is read',
    file: 'packages/qcow2/src/sequential/chunk-stream.ts',
    find: 'await Promise.allSettled(reads);',
    replace: 'await Promise.allSettled(reads.slice(0, 0));',
  },
  {
    name: 'zeros of a new image do not hide what is behind it',
    file: 'packages/qcow2/src/sequential/new-map.ts',
    find: 'const ZERO_LOW = 1;',
    replace: 'const ZERO_LOW = 0;',
  },
  {
    name: 'a flush of a new image that failed on the way is not told',
    file: 'packages/qcow2/src/sequential/chunk-stream.ts',
    find: '.flush()\n      .catch((cause: unknown) => {\n        this.#failure ??= { cause };\n      })',
    replace: '.flush()\n      .catch(() => {})',
  },
];

export const RUNS_OF_ENTRIES: readonly Mutant[] = [
  {
    name: 'a run of clusters goes on behind the end of the file',
    file: 'packages/qcow2/src/mapping/cluster-map.ts',
    find: 'Math.min(limit, Math.ceil(inside))',
    replace: 'limit',
  },
  {
    name: 'a run of clusters does not look where the next one lies above 4 GiB',
    file: 'packages/qcow2/src/mapping/entries-alike.ts',
    find: ' || view.getUint32(at) !== high',
    replace: '',
  },
  {
    name: 'a new image keeps clusters where they were read to, and not where it says',
    file: 'packages/qcow2/src/sequential/new-image.ts',
    find: 'if (from > used) bytes.copyWithin(used, from, to);',
    replace: '',
  },
];
