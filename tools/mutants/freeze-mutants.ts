import type { Mutant } from './mutant.ts';

const tracking = (file: string) => `packages/tracking/src/${file}`;
const freeze = tracking('freeze.ts');

/** Each breaks one rule of a bitmap that stands still for a backup that pulls. */
export const FREEZE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a release does not have to carry the id of the freeze',
    file: freeze,
    find: 'if (freeze?.id === id) return freeze;',
    replace: 'if (freeze !== undefined) return freeze;',
  },
  {
    name: 'what is written after a freeze is lost at its release',
    file: freeze,
    find: 'state.recorder.attach(freeze.successor);',
    replace: 'state.recorder.seed(freeze.successor);',
  },
  {
    name: 'a write that was under way at a freeze is lost at its release',
    file: freeze,
    find: 'state.recorder.attach(freeze.successor);',
    replace: '{\n    state.recorder.attach(freeze.successor);\n    freeze.successor.clear();\n  }',
  },
  {
    name: 'frozen bits follow what is written',
    file: tracking('frozen-bits.ts'),
    find: 'bits: content.clone()',
    replace: 'bits: content',
  },
  {
    name: 'readers see bits that are not frozen',
    file: tracking('tracked-drive.ts'),
    find: 'return this.#state.freezes.get(name)?.bits ?? content;',
    replace: 'return content ?? this.#state.freezes.get(name)?.bits;',
  },
  {
    name: 'others can change a frozen bitmap',
    file: freeze,
    find: '  state.held.add(name);\n',
    replace: '',
  },
  {
    name: 'a release without a clear clears',
    file: freeze,
    find: 'if (!end.clear) {',
    replace: 'if (end.name === "") {',
    also: {
      find: 'const { checkpoint } = end;',
      replace: 'const checkpoint = "checkpoint" in end ? end.checkpoint : undefined;',
    },
  },
  {
    name: 'a freeze is over before its bitmap is cleared',
    file: freeze,
    find: '  draft.endFreeze(name);\n',
    replace: '  draft.state.endFreeze(name);\n',
  },
  {
    name: 'a release clears a bitmap of a drive that cannot be flushed',
    file: freeze,
    find: '  await flushDrive();\n',
    replace: '',
  },
  {
    name: 'a bitmap that was given up stays frozen',
    file: tracking('abandon.ts'),
    find: '  state.endFreeze(bitmap.name);\n',
    replace: '',
  },
];
