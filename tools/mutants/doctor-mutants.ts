import type { Mutant } from './mutant.ts';

const doctor = (file: string) => `packages/doctor/src/${file}`;

/** Each breaks a rule by which a repair makes nothing worse, and no bitmap valid. */
export const REPAIR_MUTANTS: readonly Mutant[] = [
  {
    name: 'refcounts are raised before bitmaps that were free to be taken are marked',
    file: doctor('repair/planner.ts'),
    by: 'damages.qemu',
    find: 'if (!isRebuilt) await this.#countFresh();',
    replace: "if (!isRebuilt) await this.#edit('up');",
  },
  {
    name: 'a bitmap of a damaged directory stays valid',
    file: doctor('repair/plan-bitmaps.ts'),
    find: "planEntry(entry, state === 'unreadable', dropInUse)",
    replace: 'planEntry(entry, false, dropInUse)',
  },
  {
    name: 'a bitmap whose clusters were free stays valid',
    file: doctor('repair/plan-bitmaps.ts'),
    find: "faults.has('refcount') ?",
    replace: "faults.has('refcount') && isDoubtful ?",
  },
  {
    name: 'bitmaps that share clusters stay',
    file: doctor('bitmaps/judge-clusters.ts'),
    find: 'counter.get(cluster) > 1',
    replace: 'counter.get(cluster) > 2',
  },
  {
    name: 'bitmaps are taken for good without the autoclear bit',
    file: doctor('bitmaps/read-bitmaps.ts'),
    find: '(layout.autoclear & Autoclear.bitmaps) !== 0n',
    replace: '(layout.autoclear | Autoclear.bitmaps) !== 0n',
  },
  {
    name: 'what looks like a leak is freed where a table could not be read',
    file: doctor('repair/targets.ts'),
    find: 'if (!walk.isIncomplete) {',
    replace: 'if (!walk.isIncomplete || !isRebuilt) {',
  },
  {
    name: 'a repair of leaks raises refcounts too',
    file: doctor('repair/edit-refcounts.ts'),
    find: "isKept || (direction === 'down alone' && target > refcount)",
    replace: 'isKept',
  },
  {
    name: 'an undo is applied to an image that has changed elsewhere',
    file: doctor('undo/undo-repair.ts'),
    find: 'await proveSame(image, undo);',
    replace: '',
  },
  {
    name: 'an undo is applied over sectors that somebody has changed',
    file: doctor('undo/undo-repair.ts'),
    find: 'await proveUnchanged(image, undo);',
    replace: '',
  },
  {
    name: 'the image is touched before the undo file is durable',
    file: doctor('undo/write-undo.ts'),
    find: 'await target.flush();',
    replace: '',
  },
  {
    name: 'new clusters are put where a broken entry points to',
    file: doctor('repair/fresh-clusters.ts'),
    find: 'if (this.#beyond.has(cluster)) first = cluster + 1;',
    replace: '',
  },
];

/** Each breaks the count of clusters in a row. */
export const RUN_MUTANTS: readonly Mutant[] = [
  {
    name: 'a run of clusters overflows its counts',
    file: doctor('count/cluster-counter.ts'),
    find: '+ weight <= NARROW_MAX) {\n        chunk[at - base]',
    replace: '+ 0 <= NARROW_MAX) {\n        chunk[at - base]',
  },
  {
    name: 'entries of a run are not looked at for their copied flag',
    file: doctor('count/scan-l2.ts'),
    find: 'if (isCopied && single.hasRun(cluster + 1, count - 1)) return;',
    replace: 'if (isCopied) return;',
  },
];
