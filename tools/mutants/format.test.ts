import {
  DATA_FILES,
  NEW_IMAGES,
  PACKED_CLUSTERS,
  RESIZED_TAILS,
  RUNS_OF_ENTRIES,
  SUBCLUSTERS,
} from './format-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('packed clusters', PACKED_CLUSTERS, {
  project: 'qcow2',
  filters: ['compressed-writes'],
  usually: 1,
});
mutantSuite('subclusters', SUBCLUSTERS, {
  project: 'qcow2',
  filters: ['extended-l2'],
  usually: 1,
});
mutantSuite('new images', NEW_IMAGES, {
  project: 'qcow2',
  filters: ['new-image'],
  usually: 0,
});
mutantSuite('data files', DATA_FILES, {
  project: 'qcow2',
  filters: ['data-file-power-cut', 'data-file-writes'],
  usually: 0,
});
mutantSuite('disks that were cut off', RESIZED_TAILS, {
  project: 'qcow2',
  filters: ['resize-kinds'],
  usually: 0,
});
mutantSuite('runs of entries', RUNS_OF_ENTRIES, {
  project: 'qcow2',
  filters: ['entries-alike', 'new-image'],
  usually: 0,
});
