import type { Mutant } from './mutant.ts';

const MERGE = 'packages/qcow2/src/bitmaps/write-merge.ts';

/** Each breaks one rule of bitmaps that are merged where they lie. */
export const MERGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'an all-ones entry stands for a cluster that the bitmap fills in part',
    file: MERGE,
    by: 'test/merge.test',
    find: 'if (kind === ALL_ONES && !this.#isWhole(part.index + i))',
    replace: 'if (kind === ALL_ONES && !this.#isWhole(0))',
  },
  {
    name: 'bits behind the end are merged',
    file: MERGE,
    find: 'clearFrom(bits, bitCount - part.index * image.clusterSize * 8);',
    replace: 'clearFrom(bits, bitCount - part.index * image.clusterSize * 8 + bits.length * 8);',
  },
  {
    name: 'a table that is not kept is read from its beginning',
    file: 'packages/qcow2/src/bitmaps/read-content.ts',
    find: 'const offset = record.tableOffset + index * 8;',
    replace: 'const offset = record.tableOffset + index * 0;',
  },
  {
    name: 'all sources but the last one are left out',
    file: MERGE,
    find: 'await (i === 0 ? source.fill(bits, part) : source.addTo(bits, part));',
    replace: 'await source.fill(bits, part);',
    also: {
      find: 'for (const [i, source] of sources.entries()) {',
      replace: 'for (const source of sources) {',
    },
  },
  {
    name: 'what is read next goes where bits are being written from',
    file: MERGE,
    find: 'buffers[(i + 1) % 2 === 0 ? 0 : 1]',
    replace: 'buffers[0]',
  },
  {
    name: 'buffers of a long merge share memory',
    file: 'packages/qcow2/src/bitmaps/merge-memory.ts',
    find: 'index * (Math.ceil(length / PAGE) * PAGE + STEP)',
    replace: 'index * (Math.floor(length / PAGE) * PAGE - STEP)',
  },
  {
    name: 'what one source has in its table alone hides the bits of another',
    file: MERGE,
    find: 'else if (kind !== ALL_ZEROS && table[i] !== ALL_ONES) table[i] = HAS_DATA;',
    replace:
      'else if (table[i] !== ALL_ONES) table[i] = kind === ALL_ZEROS ? ALL_ZEROS : HAS_DATA;',
  },
  {
    name: 'bits that the file does not have are clean',
    file: 'packages/qcow2/src/bitmaps/read-content.ts',
    find: 'if (start + length <= end) return;',
    replace: 'if (start + length <= end || index >= 0) return;',
  },
];

/** Of changes to what is not in use. */
export const AT_REST_MUTANTS: readonly Mutant[] = [
  {
    name: 'what is in use is cleared, switched and merged into',
    file: 'packages/core/src/store/plan-commit.ts',
    find: 'assertAtRest(present, { acquired: draft.acquired, refusals });',
    replace: '',
  },
  {
    name: 'what is in use is merged',
    file: 'packages/core/src/store/plan-merge.ts',
    find: 'assertAtRest(entry, { acquired: draft.acquired, refusals });',
    replace: '',
  },
  {
    name: 'bits are merged while they are live',
    file: 'packages/core/src/store/plan-merge.ts',
    find: 'if (draft.keepsLiveBits(name)) throw',
    replace: 'if (draft.keepsLiveBits(name) && name === null) throw',
  },
  {
    name: 'a merge takes bits as they were before the commit',
    file: 'packages/core/src/store/directory-draft.ts',
    find: 'if (base !== undefined) return { base, sources: [] };',
    replace: '',
  },
  {
    name: 'what is switched keeps its checkpoint',
    file: 'packages/core/src/store/plan-commit.ts',
    find: 'const { checkpoint: _, ...others } = present;',
    replace: 'const others = present;',
  },
  {
    name: 'another flag is no change',
    file: 'packages/core/src/store/directory-draft.ts',
    find: 'a.enabled !== b.enabled || ',
    replace: '',
  },
];
