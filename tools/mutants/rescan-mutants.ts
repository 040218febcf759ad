import type { Mutant } from './mutant.ts';

const tracking = (file: string) => `packages/tracking/src/${file}`;
const rescan = tracking('rescan/rescan.ts');

/** Each breaks one rule of a bitmap that is brought back while its drive is in use. */
export const RESCAN_MUTANTS: readonly Mutant[] = [
  {
    name: 'bits turn clean though a write was admitted while they were compared',
    file: rescan,
    find: 'recorder.attach(found);',
    replace: 'recorder.seed(found);',
  },
  {
    name: 'bits turn clean though a write was under way when they were compared',
    file: rescan,
    find: 'recorder.attach(found);',
    replace: 'recorder.attach(found);\n    found.clear();',
  },
  {
    name: 'the drive is not flushed before bits turn clean',
    file: rescan,
    find: 'await this.#device.flush();',
    replace: '',
  },
  {
    name: 'the drive is flushed only when bits are clean already',
    file: rescan,
    find: 'await this.#settle(found, end);',
    replace: 'await this.#settle(found, end);\n        await this.#device.flush();',
    also: {
      find: 'await this.#device.flush();\n    // One tick',
      replace: '// One tick',
    },
  },
  {
    name: 'a bitmap has the checkpoint of another point',
    file: tracking('rescan/plan-rescan.ts'),
    find: '{ ...made.bitmap, checkpoint, isAnew: false }',
    replace: "{ ...made.bitmap, checkpoint: checkpoint.replace(/./, 'f'), isAnew: false }",
  },
  {
    name: 'a bitmap begins clean',
    file: tracking('rescan/plan-rescan.ts'),
    find: 'made.content.setAll();',
    replace: '',
  },
  {
    name: 'what bad digests said stays',
    file: rescan,
    find: 'await this.#takeBack();',
    replace: '',
  },
  {
    name: 'bits are set in memory only where bad digests are taken back',
    file: rescan,
    find: 'while (!guard.covers(range)) await guard.cover(range);',
    replace: 'void guard.covers(range);',
  },
  {
    name: 'digests that leave granules out are believed',
    file: tracking('rescan/digest-source.ts'),
    find: 'if (!isNext || !isWhole)',
    replace: 'if (!isWhole)',
    also: { find: 'if (next !== total)', replace: 'if (total < 0)' },
  },
  {
    name: 'a granule of the bitmap turns clean when a part of it is compared',
    file: rescan,
    find: 'bits.diskSize : end - (end % bits.granularity)',
    replace:
      'bits.diskSize : Math.min(bits.diskSize, Math.ceil(end / bits.granularity) * bits.granularity)',
  },
  {
    name: 'a change of other bitmaps ends what else records',
    file: tracking('drive-draft.ts'),
    find: 'for (const bits of before) {',
    replace: 'for (const bits of [...this.state.recorder.bitmaps]) {',
  },
  {
    name: 'a bitmap can be changed while it is compared',
    file: tracking('drive-draft.ts'),
    find: 'for (const name of this.#holding) this.state.held.add(name);',
    replace: '',
  },
  {
    name: 'a trusted bitmap may have begun at another instant',
    file: tracking('rescan/trust.ts'),
    find: 'if (bitmap.checkpoint !== trusted!.checkpoint) return undefined;',
    replace: '',
  },
  {
    name: 'a trusted bitmap may have been cleared',
    file: tracking('rescan/trust.ts'),
    find: '|| bitmap.isAnew',
    replace: '',
  },
  {
    name: 'where points differ, a bitmap of the one is believed of the other',
    file: tracking('rescan/trust.ts'),
    find: 'trust.#look.set(offset, length);',
    replace: 'void [offset, length];',
  },
  {
    name: 'what is written between a look at the trusted bitmap and the new one is lost',
    file: tracking('rescan/trust.ts'),
    find: 'this.#look.merge(this.#meanwhile);',
    replace: '',
  },
];
