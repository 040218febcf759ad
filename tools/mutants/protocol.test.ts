import { mutantSuite } from './mutant-suite.ts';
import {
  BACKUP_MUTANTS,
  DEVICE_MUTANTS,
  LAYOUT_MUTANTS,
  ORDER_MUTANTS,
} from './protocol-mutants.ts';

mutantSuite('the order of writes', ORDER_MUTANTS, {
  project: 'qcow2',
  filters: ['failed-link', 'live-clusters', 'live-table', 'reuse'],
  exploredStates: 1500,
  usually: 7,
});
mutantSuite('the layout of headers', LAYOUT_MUTANTS, {
  project: 'qcow2',
  filters: ['header', 'takeover.test'],
});
mutantSuite('what backups are durable', BACKUP_MUTANTS, {
  project: 'backup',
  filters: ['interruption'],
});
mutantSuite('what a device says of syncs', DEVICE_MUTANTS, {
  project: 'block',
  filters: ['file-device', 'sync-errors'],
});
