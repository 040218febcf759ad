import { CSI_METADATA_MUTANTS, DIFFERENCES_MUTANTS } from './csi-metadata-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite("CSI's SnapshotMetadata", CSI_METADATA_MUTANTS, {
  project: 'csi-metadata',
  filters: ['repository', 'service'],
  usually: 1,
});
mutantSuite('where points differ from an offset on', DIFFERENCES_MUTANTS, {
  project: 'repository',
  filters: ['differences'],
  usually: 0,
});
