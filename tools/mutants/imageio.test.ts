import { IMAGEIO_MUTANTS } from './imageio-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('the imageio API', IMAGEIO_MUTANTS, {
  project: 'imageio',
  filters: ['server', 'failures', 'byte-range', 'extents'],
  usually: 1,
});
