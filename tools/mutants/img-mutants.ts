import type { Mutant } from './sandbox.ts';

const work = (file: string) => `packages/img/src/work/${file}`;

/** Each breaks one rule of what `tidemark img` does to bitmaps. */
export const IMG_MUTANTS: readonly Mutant[] = [
  {
    name: 'convert -n does not mark what it writes',
    file: work('recording.ts'),
    find: 'bitmap.set(offset, length);',
    replace: 'bitmap.set(offset, 0);',
  },
  {
    name: 'convert -n marks in bitmaps that do not record',
    file: work('recording.ts'),
    find: '.filter((info) => info.enabled)',
    replace: '.filter((info) => info.granularity > 0)',
  },
  {
    name: 'zeros that convert -n writes are not marked',
    file: work('convert-images.ts'),
    find: 'onWrite?.(offset, length);',
    replace: '',
  },
  {
    name: 'a bitmap that cannot be stored is lost without a word',
    file: work('change-bitmap.ts'),
    find: 'if (lost !== undefined) throw',
    replace: 'if (lost !== undefined) return;\n  if (lost === null) throw',
  },
];
