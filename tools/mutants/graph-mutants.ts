import type { Mutant } from './mutant.ts';

const graph = (file: string) => `packages/graph/src/${file}`;
const copy = graph('jobs/copy-before-write.ts');
const work = graph('jobs/backup-work.ts');

/** Each breaks one rule of nodes and jobs. */
export const GRAPH_MUTANTS: readonly Mutant[] = [
  {
    name: 'what is overwritten is not copied before',
    file: copy,
    by: 'test/views.test',
    find: 'if (this.#isOff || length === 0) return undefined;',
    replace: 'if (this.#isOff || length > 0) return undefined;',
  },
  {
    name: 'a bitmap is cleared although its backup failed',
    by: 'bitmap-modes',
    file: work,
    find: "if (mode !== 'always') return this.#unite(name, id);",
    replace: "if (mode === 'never') return this.#unite(name, id);",
  },
  {
    name: 'what was not copied is forgotten',
    file: work,
    find: 'clear: true, uncopied: this.copy.uncopied(granularity)',
    replace: 'clear: true, uncopied: this.copy.uncopied(granularity) && undefined',
  },
  {
    name: 'a bitmap that a backup only reads is cleared',
    file: work,
    find: "clear: mode !== 'never'",
    replace: 'clear: true',
  },
  {
    name: 'a guest fails with its backup',
    file: copy,
    find: '      this.#options.onBroken(CopyError.from(error));',
    replace: '      this.#options.onBroken(CopyError.from(error));\n      throw error;',
  },
  {
    name: 'a view that ends leaves the bitmap that began with it',
    file: graph('views/view.ts'),
    find: 'if (this.#hasBegun && !end.keep && !this.#isHeld)',
    replace: 'if (this.#hasBegun && end.keep)',
  },
  {
    name: 'a view that is held takes the bitmap with it',
    file: graph('views/view.ts'),
    find: '&& !this.#isHeld)',
    replace: ')',
  },
  {
    name: 'a view shows a bitmap that does not record',
    file: graph('views/drive-view.ts'),
    find: 'drive.recording(shown)',
    replace: 'drive.bitmap(shown)',
  },
  {
    name: 'a drive is not flushed when a bitmap begins with a view of it',
    file: graph('views/view.ts'),
    find: 'if (options.begin) await node.device.flush();',
    replace: 'if (!options.begin) await node.device.flush();',
  },
  {
    name: 'what a view reads may have been written meanwhile',
    file: graph('views/view-device.ts'),
    find: '      await this.#takeCopied(part, run.offset);',
    replace: '      if (!run.isOnSource) await this.#takeCopied(part, run.offset);',
  },
  {
    name: 'a view goes on without what was overwritten',
    file: graph('views/drive-view.ts'),
    find: 'whyBroken: () => this.#broken,',
    replace: 'whyBroken: () => undefined,',
  },
  {
    name: 'a view of what is dirty shows what is not',
    file: graph('views/view-device.ts'),
    find: '    this.#checkWanted(offset, target.length);',
    replace: '',
  },
  {
    name: 'one job of a group succeeds while another one fails',
    file: graph('transaction/run-actions.ts'),
    find: 'grouped ? [run.jobs] : run.jobs.map((job) => [job])',
    replace: 'grouped ? run.jobs.map((job) => [job]) : run.jobs.map((job) => [job])',
  },
  {
    name: 'a transaction that fails leaves its jobs behind',
    file: graph('transaction/run-actions.ts'),
    find: 'this.#undos.push(() => prepared.job.work.clean());',
    replace: 'this.#undos.push(async () => {});',
  },
  {
    name: 'a transaction that fails leaves the sidecar that it made',
    file: graph('transaction/run-actions.ts'),
    find: 'this.#undos.push(() => node.removeSidecar());',
    replace: 'this.#undos.push(async () => {});',
  },
  {
    name: 'writes from above a node miss its bitmaps',
    file: graph('nodes/block-node.ts'),
    find: 'if (above !== undefined) {',
    replace: 'if (above !== undefined && this.name === above.role) {',
  },
  {
    name: 'a reader sees through its copy what was written since',
    file: graph('device/reads-under-way.ts'),
    find: 'for (let wait = waitFor(this.#reads, range); wait; wait = waitFor(this.#reads, range)) {',
    replace: 'for (let wait = waitFor(this.#reads, range); wait && false; ) {',
  },
  {
    name: 'what is written after a backup began is in no bitmap',
    file: 'packages/tracking/src/drive-draft.ts',
    find: 'recorder.attach(freeze.successor);\n    this.#undos',
    replace: 'recorder.seed(freeze.successor);\n    this.#undos',
  },
];
