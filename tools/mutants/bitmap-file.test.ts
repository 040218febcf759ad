import {
  BITMAP_FILE_MUTANTS,
  BITMAP_FORMAT_MUTANTS,
  SERVED_BITMAP_FILE_MUTANTS,
} from './bitmap-file-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('bitmaps in files', BITMAP_FILE_MUTANTS, {
  project: 'drive',
  filters: ['bitmap-file'],
  usually: 1,
});
mutantSuite('the format of files of bitmaps', BITMAP_FORMAT_MUTANTS, {
  project: 'core',
  filters: ['bitmap-file'],
  usually: 0,
});
mutantSuite('files of bitmaps of drives in use', SERVED_BITMAP_FILE_MUTANTS, {
  project: 'graph',
  filters: ['export-bitmaps'],
});
