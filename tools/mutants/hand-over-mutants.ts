import type { Mutant } from './mutant.ts';

const tracking = (file: string) => `packages/tracking/src/parking/${file}`;
const graph = (file: string) => `packages/graph/src/hand-over/${file}`;

/** Each breaks one rule of what lets go of a drive, and of who goes on with it. */
export const PARKING_MUTANTS: readonly Mutant[] = [
  {
    name: 'a target that comes late believes what it was told',
    file: tracking('unpark.ts'),
    find: 'if (!mayBeTaken && !draft.bitmaps.has(parked.marker)) throw isTaken(state.label);',
    replace: '',
  },
  {
    name: 'who goes on believes its memory where the store has nothing',
    file: tracking('unpark.ts'),
    find: 'if (own !== undefined && !isKept) draft.remove(own);',
    replace: '',
  },
  {
    name: 'who goes on believes its memory',
    file: tracking('unpark.ts'),
    find: 'this.steps.push(() => draft.replaceContent(name, draft.content(stored).clone()));',
    replace:
      'if (own === undefined) this.steps.push(() => draft.replaceContent(name, draft.content(stored).clone()));',
  },
  {
    name: 'parked bitmaps do not record',
    file: tracking('park.ts'),
    find: 'const disabled = !enabled;',
    replace: 'const disabled = enabled || true;',
  },
  {
    name: 'what was written since a freeze is lost with the hand-over',
    file: tracking('park.ts'),
    find: '() => successor.clone()',
    replace: '() => bits.clone()',
  },
  {
    name: 'the marker stays when somebody has gone on',
    file: tracking('unpark.ts'),
    find: 'unparking.remove(parked.marker);',
    replace: '',
  },
];

export const HAND_OVER_MUTANTS: readonly Mutant[] = [
  {
    name: 'a source that is not answered goes on without a look at the disk',
    file: graph('go-on.ts'),
    find: 'const report = await unparkBitmaps(drive, parked, { mayBeTaken: true });',
    replace: 'const report = { lostBitmaps: [], lostFreezes: [] };',
  },
  {
    name: 'a target does not look whether it has the drive that was meant',
    file: graph('expectation.ts'),
    find: '{ mayBeTaken: false }',
    replace: '{ mayBeTaken: true }',
  },
  {
    name: 'requests under way are answered by a source that gave its drive away',
    file: graph('give-node.ts'),
    find: 'this.#cutting = this.#context.exports.cut(node);',
    replace: '',
  },
  {
    name: 'an export shows bits of before a hand-over that failed',
    file: graph('give-node.ts'),
    find: "if (this.#outcome.kind === 'kept') await this.#holdAgain();",
    replace: '',
  },
  {
    name: 'a source keeps the locks of its files',
    file: graph('files-of-node.ts'),
    find: 'for (const each of [node, ...filesOf(node)]) {',
    replace: 'for (const each of [node]) {',
  },
  {
    name: 'an address of the net needs no TLS',
    file: graph('address.ts'),
    find: "if (type === 'unix' || isSecure) return;",
    replace: "if (type === 'unix' || isSecure || true) return;",
  },
];

const daemon = (file: string) => `apps/daemon/src/${file}`;

/** Of drives that the command line has opened. */
export const GIVEN_DRIVE_MUTANTS: readonly Mutant[] = [
  {
    name: 'bitmaps in a sidecar that the target does not know stay behind',
    file: daemon('about-drive.ts'),
    find: 'if (elsewhere !== undefined) {',
    replace: 'if (elsewhere === null) {',
  },
  {
    name: 'a drive that goes on is looked at anew for what it is',
    file: daemon('open-drive.ts'),
    find: 'before?.format ?? source.format',
    replace: 'source.format',
  },
  {
    name: 'a drive whose format was guessed can be made an image once it goes on',
    file: daemon('open-drive.ts'),
    find: '...(before?.isProbedRaw && { isProbedRaw: true })',
    replace: '',
  },
  {
    name: 'a drive that goes on makes its bitmaps once more',
    file: daemon('open-drive.ts'),
    find: 'before === undefined ? select : []',
    replace: 'select',
  },
  {
    name: 'what a hand-over has left stays, and a late target takes the drive',
    file: daemon('compose.ts'),
    find: 'if (!(await forgetParked(tracked))) continue;',
    replace: 'if (true) continue;',
  },
  {
    name: 'a drive that was stopped is opened behind the lock of who has it',
    file: graph('give-node.ts'),
    find: "node.isAway = this.#outcome.kind === 'stopped';",
    replace: 'node.isAway = false;',
  },
];
