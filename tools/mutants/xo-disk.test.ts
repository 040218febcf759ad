import { mutantSuite } from './mutant-suite.ts';
import { XO_DISK_MUTANTS } from './xo-disk-mutants.ts';

mutantSuite('disks of Xen Orchestra', XO_DISK_MUTANTS, {
  project: 'xo-disk',
  filters: ['changes-of', 'tidemark-disk'],
  usually: 1,
});
