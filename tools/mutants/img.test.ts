import { IMG_MUTANTS } from './img-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('what img does to bitmaps', IMG_MUTANTS, {
  project: 'img',
  filters: [
    'check-unlocked',
    'convert-recording',
    'convert-whole',
    'lent-drive',
    'lost-bitmaps',
    'many-merges',
    'named-images',
    'sidecar',
  ],
  usually: 1,
});
