import { mutantSuite } from './mutant-suite.ts';
import {
  RESIZED_DRIVES,
  RESIZED_IMAGES,
  RESIZED_SIDECARS,
  RESIZED_STORES,
} from './resize-mutants.ts';

mutantSuite('resized stores', RESIZED_STORES, {
  project: 'store-memory',
  filters: ['contract'],
  usually: 1,
});
mutantSuite('resized images', RESIZED_IMAGES, {
  project: 'qcow2',
  filters: ['resize-power-cut'],
  usually: 0,
});
mutantSuite('resized sidecars', RESIZED_SIDECARS, {
  project: 'store-sidecar',
  filters: ['resize'],
  usually: 0,
});
mutantSuite('resized drives', RESIZED_DRIVES, {
  project: 'tracking',
  filters: ['resize'],
  usually: 1,
});
