import type { Mutant } from './mutant.ts';

const csi = (file: string) => `packages/csi-metadata/src/${file}`;

/** Each breaks one rule of what a backup program is told of snapshots. */
export const CSI_METADATA_MUTANTS: readonly Mutant[] = [
  {
    name: 'what turned to zeros has not changed',
    file: csi('repository-snapshots.ts'),
    by: 'test/repository.test',
    find: 'for await (const { offset, length } of ranges) {',
    replace:
      'for await (const { offset, length, ...more } of ranges) {\n    if (JSON.stringify(more).includes("true")) continue;',
  },
  {
    name: 'a range in which a client goes on is passed over',
    file: csi('repository-snapshots.ts'),
    find: 'if (end > at) yield { offset: at, length: end - at };',
    replace: 'if (start >= offset) yield { offset: start, length };',
  },
  {
    name: 'what others have added is not found',
    file: csi('repository-snapshots.ts'),
    find: 'if (state !== this.#known) this.#repository.forgetIndex();',
    replace: '',
  },
  {
    name: 'points of two drives are compared',
    file: csi('repository-snapshots.ts'),
    find: 'if (before.drive.id !== now.drive.id) {',
    replace: 'if (before.drive.id === "") {',
  },
  {
    name: 'a younger point is the base of an older one',
    file: csi('repository-snapshots.ts'),
    find: 'if (before.number > now.number) {',
    replace: 'if (before.number > now.number + 1000) {',
  },
  {
    name: 'some digits of an id are enough',
    file: csi('repository-snapshots.ts'),
    find: '/^[0-9a-f]{64}$/',
    replace: '/^[0-9a-f]{6,64}$/',
  },
  {
    name: 'the last ranges are kept back',
    file: csi('answer-ranges.ts'),
    find: 'if (isFirst || list.length > 0) yield list;',
    replace: 'if (isFirst) yield list;',
  },
  {
    name: 'a client that does not read is sent more',
    file: csi('answer-ranges.ts'),
    find: 'if (takesMore) continue;',
    replace: 'if (takesMore || true) continue;',
  },
];

/** Of where a client goes on. */
export const DIFFERENCES_MUTANTS: readonly Mutant[] = [
  {
    name: 'what lies before the offset is looked at',
    file: 'packages/repository/src/use/differences.ts',
    find: 'let child = Math.max(0, first);',
    replace: 'let child = Math.max(0, Math.min(0, first));',
  },
  {
    name: 'a difference in the granule of the offset is passed over',
    file: 'packages/repository/src/use/differences.ts',
    find: 'Math.floor(start / granularity)',
    replace: 'Math.ceil(start / granularity)',
  },
];
