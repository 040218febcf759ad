import { GIVEN_DRIVE_MUTANTS, HAND_OVER_MUTANTS, PARKING_MUTANTS } from './hand-over-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('parked bitmaps', PARKING_MUTANTS, {
  project: 'tracking',
  filters: ['parking'],
  usually: 1,
});
mutantSuite('hand-overs', HAND_OVER_MUTANTS, {
  project: 'graph',
  filters: ['hand-over'],
  usually: 1,
});
mutantSuite('drives of the command line that are handed over', GIVEN_DRIVE_MUTANTS, {
  project: 'daemon',
  filters: ['drives-given'],
  usually: 0,
});
