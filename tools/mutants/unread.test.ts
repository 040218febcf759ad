import { mutantSuite } from './mutant-suite.ts';
import { FLOOR_MUTANTS, LATE_MUTANTS, UNREAD_MUTANTS } from './unread-mutants.ts';

mutantSuite('bits that are read when they are needed', UNREAD_MUTANTS, {
  project: 'core',
  filters: ['unread.model'],
  usually: 2,
});

mutantSuite('bits that are in an image meanwhile', LATE_MUTANTS, {
  project: 'qcow2',
  filters: ['read-later'],
});

mutantSuite('live bitmaps some of whose bits are not read', FLOOR_MUTANTS, {
  project: 'tracking',
  filters: ['live.unread'],
});
